// Charts of the fake: dashboards, and pictures as the core would draw them.
import type { Chart, ChartFrame, ChartView, Dashboard, DrawOp } from '../lib/backend/api';

import { newId, quiet, stream, streamOf, type Commands } from './page';

const chart = (id: number, more: Pick<Chart, 'title' | 'source'> & Partial<Chart>): Chart => ({
  id,
  kind: 'line',
  windowSecs: 60,
  unit: '',
  log: false,
  thresholds: [],
  dashboard: 1,
  cell: { x: ((id - 1) % 2) * 6, y: Math.floor((id - 1) / 2) * 7, w: 6, h: 7 },
  ...more,
});

let dashboards: Dashboard[] = [{ id: 1, title: 'Dashboard' }, ...(quiet ? [] : [{ id: 2, title: 'Pumps' }])];

let charts: Chart[] = [
  chart(1, { title: 'Throughput', source: { kind: 'broker', measure: 'messages' }, windowSecs: 600 }),
  ...(quiet
    ? []
    : [
        chart(2, {
          title: 'Pressure',
          source: { kind: 'payload', filter: 'plant/+/+/pressure', path: 'value' },
          unit: 'bar',
        }),
        chart(3, { title: 'Latency', source: { kind: 'broker', measure: 'latency' } }),
        chart(4, { title: 'Waiting messages', source: { kind: 'broker', measure: 'queued' } }),
      ]),
];

function picture(view: ChartView): ChartFrame {
  const dark = view.theme === 'dark';
  const [line, faint] = dark ? ['#252d38', '#8593a3'] : ['#dfe3ea', '#5b6775'];
  const colours = dark ? ['#2dd4bf', '#b09bff'] : ['#0f766e', '#6042c7'];
  const [left, top, right, bottom] = [44, 10, view.width - 8, view.height - 24];
  const ops: DrawOp[] = [];
  for (let step = 0; step <= 4; step += 1) {
    const y = top + ((bottom - top) * step) / 4;
    ops.push({ op: 'path', points: [left, y, right, y], color: line, width: 1 });
    ops.push({
      op: 'text',
      x: left - 8,
      y,
      text: String(1600 - step * 400),
      size: 10.5,
      color: faint,
      align: 'right',
      baseline: 'middle',
    });
  }
  const series = ['in', 'out'].map((name, index) => {
    const points: number[] = [];
    for (let x = 0; x <= 120; x += 1) {
      const t = Date.now() / 4000 + x / 9;
      const v = 0.35 + index * 0.25 + 0.12 * Math.sin(t) + 0.06 * Math.sin(t * 3.1) - x / 600;
      points.push(left + ((right - left) * x) / 120, top + (bottom - top) * v);
    }
    const color = colours[index] ?? '#888';
    ops.push({ op: 'fill', points: [...points, right, bottom, left, bottom], color: `${color}24` });
    ops.push({ op: 'path', points, color, width: 1.75 });
    return {
      name: view.id === 1 ? name : `plant/line-${index + 1}/pump-7/pressure`,
      color,
      points: 1200,
      last: 1284.4 - index * 700,
      min: 212,
      mean: 806.5,
      max: 1431,
    };
  });
  ['13:53', '13:55', '13:57', '13:59', '14:01'].forEach((text, index) => {
    ops.push({
      op: 'text',
      x: left + ((right - left) * index) / 4.3,
      y: bottom + 8,
      text,
      size: 10.5,
      color: faint,
      align: 'left',
      baseline: 'top',
    });
  });
  const now = Date.now();
  return {
    id: view.id,
    ops,
    span: view.span ?? { from: now - 60_000, to: now },
    plot: { left, top, right, bottom, low: 0, high: 1600 },
    series,
    withoutNumber: view.id === 2 ? 3 : 0,
    repeated: 0,
    missed: 0,
    topicsLeftOut: 0,
    thinned: 0,
    hiddenRows: 0,
    notPositive: 0,
  };
}

export const chartCommands: Commands = {
  charts: () => ({ dashboards: [...dashboards], charts: [...charts] }),
  chart_create: ({ chart }) => {
    const id = newId();
    const cell = chart.cell.w ? chart.cell : { x: (id % 2) * 6, y: 70, w: 6, h: 7 };
    const created = { ...chart, id, cell, dashboard: chart.dashboard || 1 };
    charts = [...charts, created];
    return created;
  },
  chart_remove: ({ id }) => {
    const removed = charts.find((each) => each.id === id);
    charts = charts.filter((each) => each.id !== id);
    return removed;
  },
  chart_update: ({ chart }) => {
    charts = charts.map((each) => (each.id === chart.id ? chart : each));
    return chart;
  },
  charts_arrange: ({ cells }) => {
    charts = charts.map((each) => ({ ...each, cell: cells[each.id] ?? each.cell }));
    return null;
  },
  chart_reading: ({ view, at }) => ({
    at,
    values: picture(view).series.map(({ name, color, last }) => ({ name, color, at: at - 140, value: last })),
  }),
  chart_spot: () => ({
    number: 3,
    left: 120,
    top: 10,
    width: 40,
    height: 120,
    says: { kind: 'class', low: 4, high: 4.5, counts: [], count: 42, upTo: 130, total: 600 },
  }),
  chart_export: ({ format }) => ({ path: `/home/ada/Downloads/Pressure.${format}`, size: 20_480 }),
  dashboard_create: ({ title }) => {
    const board = { id: newId(), title };
    dashboards = [...dashboards, board];
    return board;
  },
  dashboard_rename: ({ id, title }) => {
    dashboards = dashboards.map((each) => (each.id === id ? { id, title } : each));
    return { id, title };
  },
  dashboard_remove: ({ id }) => {
    const board = dashboards.find((each) => each.id === id);
    dashboards = dashboards.filter((each) => each.id !== id);
    return { mqttwbDashboard: 1, title: board?.title ?? '', charts: charts.filter((each) => each.dashboard === id) };
  },
  dashboard_export: () => ({ path: '/home/ada/Downloads/Dashboard.json', size: 2048 }),
  dashboard_import: ({ text }) => {
    const board = { id: newId(), title: String(JSON.parse(text).title) };
    dashboards = [...dashboards, board];
    return board;
  },
  dashboard_report: () => ({ path: '/home/ada/Downloads/Dashboard.html', size: 20_480 }),
  charts_stream: (args) =>
    stream(args, 100, ({ views }) => ({
      pictures: Object.entries<ChartView>(views).map(([key, view]) => ({ key: Number(key), drawn: picture(view) })),
    })),
  charts_views: ({ stream, views }) => {
    const open = streamOf(stream);
    if (open) open.args.views = views;
  },
};
