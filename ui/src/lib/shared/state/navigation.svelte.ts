// Which page is shown. A page keeps nothing of its own alive when it is left, but for what its store chooses to keep.

export const PAGES = [
  'overview',
  'clients',
  'traffic',
  'recordings',
  'sessions',
  'charts',
  'certificates',
  'access',
  'settings',
] as const;

export type Page = (typeof PAGES)[number];

export const PAGE_NAMES: Record<Page, string> = {
  overview: 'Overview',
  clients: 'Clients',
  traffic: 'Traffic',
  recordings: 'Recordings',
  sessions: 'Sessions',
  charts: 'Charts',
  certificates: 'Certificates',
  access: 'Access',
  settings: 'Settings',
};

function isPage(text: string): text is Page {
  return (PAGES as readonly string[]).includes(text);
}

class Navigation {
  page = $state<Page>('overview');
  /** What the page should bring into view: a chart, a client or a certificate by its identity. */
  focus = $state.raw<string | undefined>();

  constructor() {
    if (typeof location === 'undefined') return;
    this.#read();
    addEventListener('hashchange', () => this.#read());
  }

  go(page: Page, focus?: string): void {
    this.focus = focus;
    this.page = page;
    // The address keeps the page over a reload.
    if (location.hash !== `#${page}`) history.replaceState(null, '', `#${page}`);
  }

  #read(): void {
    const page = location.hash.slice(1);
    if (isPage(page)) this.page = page;
  }
}

export const navigation = new Navigation();
