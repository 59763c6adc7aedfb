import { describe, expect, it } from 'vitest';
import { choiceOf, choices, keyOf, named } from './choices';

describe('decoders', () => {
  it('are the same by key whatever the order of their parts', () => {
    const one = keyOf({ kind: 'protobuf', schema: 'a.proto', message: 'A' });
    const other = keyOf({ message: 'A', schema: 'a.proto', kind: 'protobuf' });
    expect(one).toBe(other);
    expect(choiceOf(one)).toEqual({ kind: 'protobuf', schema: 'a.proto', message: 'A' });
  });

  it('are listed with the messages of each schema, and with the one in use', () => {
    const list = choices(
      {
        rules: [],
        layouts: ['u8', 'f32be'],
        schemas: [
          { name: 'pump.proto', kind: 'protobuf', messages: ['plant.A', 'plant.B'] },
          { name: 'r.avsc', kind: 'avro', messages: ['plant.R'] },
        ],
      },
      { kind: 'protobuf', schema: 'gone.proto' },
    );
    const labels = list.map((each) => each.label);
    expect(labels).toContain('Protobuf plant.B');
    expect(labels).toContain('Avro r.avsc');
    expect(labels).toContain('Numbers f32be');
    expect(labels.at(-1)).toBe('Protobuf gone.proto');
  });

  it('have names', () => {
    expect(named({ kind: 'protobuf' })).toBe('Protobuf, no schema');
    expect(named({ kind: 'avro' })).toBe('Avro container');
    expect(named({ kind: 'message-pack' })).toBe('MessagePack');
  });
});
