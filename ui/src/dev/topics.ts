// The tree of topics of the fake, and what is known of one topic.
import type { TopicDetail, TopicRow, TopicsFrame, TopicsLook } from '../lib/backend/api';

import { PAYLOADS, TOPICS } from './messages';
import { busy, started, stream, streamOf, type Commands } from './page';

interface Node {
  node: number;
  parent?: number;
  name: string;
  level: string;
  depth: number;
  children: Node[];
}

class Topics {
  #nodes: Node[] = [];
  #top: Node[] = [];
  #open = new Set<number>();
  #text = '';

  constructor() {
    const names = [
      ...TOPICS,
      'plant/line-1/pump-7/status',
      ...Array.from({ length: 9 }, (_, n) => `plant/line-2/pump-${n}/pressure`),
      '/leading//empty',
      '$SYS/broker/uptime',
      '$SYS/broker/load/messages/received/1min',
    ];
    for (const name of names) {
      let siblings = this.#top;
      let parent: Node | undefined;
      for (const level of name.split('/')) {
        let here = siblings.find((each) => each.level === level);
        if (!here) {
          here = {
            node: this.#nodes.length + 1,
            ...(parent ? { parent: parent.node } : {}),
            name: parent ? `${parent.name}/${level}` : level,
            level,
            depth: parent ? parent.depth + 1 : 0,
            children: [],
          };
          this.#nodes.push(here);
          siblings.push(here);
        }
        parent = here;
        siblings = here.children;
      }
    }
    for (const node of this.#nodes.slice(0, 4)) this.#open.add(node.node);
  }

  filter(text: string): null {
    this.#text = text.toLowerCase();
    return null;
  }

  set(node: number, open: boolean): null {
    if (open) this.#open.add(node);
    else this.#open.delete(node);
    return null;
  }

  openAll(): number {
    for (const node of this.#nodes) this.#open.add(node.node);
    return 0;
  }

  seek(from: number, text: string): number | null {
    const rows = this.#rows(this.#top);
    for (let step = 0; step < rows.length; step += 1) {
      const place = (from + step) % rows.length;
      if (rows[place]?.level.toLowerCase().startsWith(text.toLowerCase())) return place;
    }
    return null;
  }

  #rows(nodes: Node[]): TopicRow[] {
    return nodes.flatMap((node) => {
      const passes = (each: Node): boolean =>
        each.name.toLowerCase().includes(this.#text) || each.children.some(passes);
      if (!passes(node)) return [];
      const open = node.children.length > 0 && (this.#open.has(node.node) || this.#text !== '');
      const value = PAYLOADS[node.node % PAYLOADS.length] ?? '';
      const row: TopicRow = {
        node: node.node,
        ...(node.parent === undefined ? {} : { parent: node.parent }),
        depth: node.depth,
        level: node.level,
        name: node.name,
        children: node.children.length,
        open,
        topics: 1 + node.children.length,
        messages: 3412 >> node.depth,
        rate: node.depth === 3 ? 2.1 : 0,
        ...(node.children.length
          ? {}
          : {
              topic: {
                messages: 3412 >> node.depth,
                deliveries: 40,
                seq: 4 * node.node,
                atMicros: (started - node.node * 1000) * 1000,
                qos: node.node % 3,
                size: value.length,
                preview: value,
                format: 'text' as const,
                whole: true,
                retained: node.node % 4 === 0,
              },
            }),
      };
      return [row, ...(open ? this.#rows(node.children) : [])];
    });
  }

  frame(look: TopicsLook): Omit<TopicsFrame, 'frame'> {
    const all = busy ? this.#rows(this.#top) : [];
    const at = all.findIndex((row) => row.node === look.chosen);
    return {
      start: look.start,
      rows: all.slice(look.start, look.start + look.count),
      total: all.length,
      ...(look.chosen === undefined ? {} : { chosen: look.chosen }),
      ...(at >= 0 ? { chosenAt: at } : {}),
      topics: busy ? 3646 : 0,
      leftOut: 0,
      missed: 0,
      reading: false,
    };
  }

  detail(topic: string): TopicDetail {
    return {
      topic,
      rate: 2.1,
      publishers: ['pump-7', 'gateway-3'],
      morePublishers: false,
      subscribers: ['ops-view', 'historian'].map((clientId) => ({
        clientId,
        filter: 'plant/#',
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 'on-subscribe' as const,
      })),
      subscriberCount: 7,
      retained: {
        publisher: 'pump-7',
        will: false,
        message: {
          topic,
          qos: 1,
          retain: true,
          at: started - 90_000,
          size: 41,
          preview: 'online',
          format: 'text',
          whole: true,
        },
      },
    };
  }
}

const topics = new Topics();

export const topicCommands: Commands = {
  topics_open: () => 1,
  topics_filter: ({ text }) => topics.filter(text),
  topics_branch: ({ node, open }) => topics.set(node, open),
  topics_open_all: () => topics.openAll(),
  topics_seek: ({ from, text }) => topics.seek(from, text),
  topics_close: () => null,
  topics_stream: (args) => stream(args, 200, (current) => topics.frame(current.look)),
  topics_look: ({ stream, look }) => {
    const open = streamOf(stream);
    if (!open) return;
    open.args.look = look;
    open.send();
  },
  topic: ({ topic }) => topics.detail(topic),
};
