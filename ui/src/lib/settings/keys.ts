// The keys of the broker's configuration as the page shows them.
import type { ConfigReport, Setting, SettingSection } from '$lib/backend';

/** A table of the configuration with the keys that are looked for. */
export interface Group {
  section: SettingSection;
  settings: Setting[];
}

/** The keys whose name, value or explanation has every word that was typed, under their tables. */
export function groups(report: ConfigReport, query: string): Group[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = report.settings.filter((setting) => {
    const text = [setting.key, setting.text ?? '', setting.doc, setting.unit ?? ''].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return report.sections
    .map((section) => ({ section, settings: wanted.filter((setting) => setting.section === section.name) }))
    .filter((group) => group.settings.length > 0);
}

/** A text with `names` in it, taken apart. */
export function spans(text: string): { text: string; code: boolean }[] {
  return text
    .split('`')
    .map((part, index) => ({ text: part, code: index % 2 === 1 }))
    .filter((part) => part.text !== '');
}

/** The name of a key in its table. */
export function nameIn(setting: Setting): string {
  return setting.key.slice(setting.section.length + 1);
}

/** What holds where the key is not written. */
export function whenAbsent(setting: Setting): string {
  return setting.absent ?? setting.defaultText ?? 'nothing';
}

/** A key of a listener that has no default: it can be changed, not taken out. */
export function isNeeded(setting: Setting): boolean {
  return setting.absent === 'must be written';
}
