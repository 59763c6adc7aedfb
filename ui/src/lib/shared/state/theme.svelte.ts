// Dark or light: as the system has it, unless the person chose.
import type { Theme } from '$lib/backend';

export const CHOICES = ['system', 'dark', 'light'] as const;
export type Choice = (typeof CHOICES)[number];

const KEY = 'theme';

function stored(): Choice {
  const text = localStorage.getItem(KEY);
  return CHOICES.find((choice) => choice === text) ?? 'system';
}

class ThemeStore {
  choice = $state<Choice>('system');
  #systemIsLight = $state(false);
  readonly current: Theme = $derived(this.choice === 'system' ? (this.#systemIsLight ? 'light' : 'dark') : this.choice);

  /** Reads the choice and follows the system; before the first paint. */
  start(): void {
    this.choice = stored();
    const system = matchMedia('(prefers-color-scheme: light)');
    this.#systemIsLight = system.matches;
    this.#apply();
    system.addEventListener('change', () => {
      this.#systemIsLight = system.matches;
      this.#apply();
    });
  }

  choose(choice: Choice): void {
    this.choice = choice;
    localStorage.setItem(KEY, choice);
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset['theme'] = this.current;
  }
}

export const theme = new ThemeStore();
