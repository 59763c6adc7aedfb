import { expect, it } from 'vitest';
import type { TestClient } from '$lib/backend';
import { Rates } from './rates.svelte';

const client = (published: number, received: number) => ({ id: 1, published, received }) as TestClient;

it('compares the counts of two looks and needs two', () => {
  const rates = new Rates();
  rates.see([client(10, 100)], 5_000);
  expect(rates.of[1]).toBeUndefined();
  rates.see([client(30, 500)], 7_000);
  expect(rates.of[1]).toEqual({ published: 10, received: 200 });
});

it('takes no notice of a look that comes too soon', () => {
  const rates = new Rates();
  rates.see([client(0, 0)], 5_000);
  rates.see([client(10, 10)], 5_100);
  rates.see([client(20, 20)], 6_000);
  expect(rates.of[1]).toEqual({ published: 20, received: 20 });
});
