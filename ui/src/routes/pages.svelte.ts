// The pages of the window. Overview is there at once; the others are read behind the first paint, so that it does not wait
// for what it does not show.
import type { Component } from 'svelte';
import type { Page } from '$lib/shared/state/navigation.svelte';
import { asFailure, type Failure } from '$lib/backend';
import Overview from './Overview.svelte';

type Others = Exclude<Page, 'overview'>;

const OTHERS: Record<Others, () => Promise<{ default: Component }>> = {
  clients: () => import('./Clients.svelte'),
  traffic: () => import('./Traffic.svelte'),
  recordings: () => import('./Recordings.svelte'),
  sessions: () => import('./Sessions.svelte'),
  charts: () => import('./Charts.svelte'),
  certificates: () => import('./Certificates.svelte'),
  access: () => import('./Access.svelte'),
  settings: () => import('./Settings.svelte'),
};

class Pages {
  failure = $state.raw<Failure | undefined>();
  #there = $state.raw<Partial<Record<Page, Component>>>({ overview: Overview });

  /** The page; `undefined` while it is being read. */
  of(page: Page): Component | undefined {
    return this.#there[page];
  }

  /** Reads a page that is wanted now. One that is there already is not read again. */
  async load(page: Page): Promise<void> {
    if (page === 'overview' || this.#there[page]) return;
    try {
      const { default: component } = await OTHERS[page]();
      this.#there = { ...this.#there, [page]: component };
      this.failure = undefined;
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
  }

  /** Reads all that are left, one after the other. */
  async loadRest(): Promise<void> {
    for (const page of Object.keys(OTHERS) as Others[]) await this.load(page);
  }
}

export const pages = new Pages();
