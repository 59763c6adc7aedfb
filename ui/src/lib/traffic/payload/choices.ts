// Decoders by the names that a list shows.
import type { DecoderChoice, Decoders } from '$lib/backend';

/** A decoder in a list: `key` tells it from the others. */
export interface Choice {
  value: string;
  label: string;
  note?: string;
}

const KINDS: Record<DecoderChoice['kind'], string> = {
  json: 'JSON',
  text: 'Text',
  hex: 'Bytes',
  base64: 'Base64',
  numbers: 'Numbers',
  cbor: 'CBOR',
  'message-pack': 'MessagePack',
  protobuf: 'Protobuf',
  avro: 'Avro',
  image: 'Picture',
};

/** A decoder as a key of a list, and back. */
export const keyOf = (choice: DecoderChoice): string => JSON.stringify(choice, Object.keys(choice).sort());

export function choiceOf(key: string): DecoderChoice {
  return JSON.parse(key) as DecoderChoice;
}

/** A decoder in words: `JSON`, `Numbers u16le`, `Protobuf plant.Reading`. */
export function named(choice: DecoderChoice): string {
  const kind = KINDS[choice.kind];
  switch (choice.kind) {
    case 'numbers':
      return `${kind} ${choice.layout}`;
    case 'protobuf':
      return (choice.message ?? choice.schema) ? `${kind} ${choice.message ?? choice.schema}` : `${kind}, no schema`;
    case 'avro':
      return choice.schema ? `${kind} ${choice.schema}` : `${kind} container`;
    case 'json':
    case 'text':
    case 'hex':
    case 'base64':
    case 'cbor':
    case 'message-pack':
    case 'image':
      return kind;
  }
}

/** All decoders that can be chosen; `also` is one that has to be among them. */
export function choices(decoders: Decoders | undefined, also: DecoderChoice | undefined): Choice[] {
  const plain: DecoderChoice[] = [
    { kind: 'json' },
    { kind: 'text' },
    { kind: 'hex' },
    { kind: 'base64' },
    { kind: 'cbor' },
    { kind: 'message-pack' },
    { kind: 'image' },
    { kind: 'avro' },
    { kind: 'protobuf' },
  ];
  const schemas = (decoders?.schemas ?? []).flatMap((schema): DecoderChoice[] =>
    schema.kind === 'avro'
      ? [{ kind: 'avro', schema: schema.name }]
      : schema.messages.map((message) => ({ kind: 'protobuf', schema: schema.name, message })),
  );
  const numbers = (decoders?.layouts ?? []).map((layout): DecoderChoice => ({ kind: 'numbers', layout }));
  const all = [...plain, ...schemas, ...numbers].map((choice) => ({
    value: keyOf(choice),
    label: named(choice),
    ...('schema' in choice && choice.schema !== undefined ? { note: choice.schema } : {}),
  }));
  if (also && !all.some((each) => each.value === keyOf(also))) all.push({ value: keyOf(also), label: named(also) });
  return all;
}
