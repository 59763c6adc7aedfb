import { describe, expect, it } from 'vitest';
import { pieces, visible } from './hostile';

describe('text from the network', () => {
  it('plain text is one run', () => {
    expect(pieces('plant/größe/温度')).toEqual([{ text: 'plant/größe/温度' }]);
  });

  it('control characters get their name', () => {
    expect(visible('a\u0000b\nc\u001b[31m')).toBe('a⟨\\0⟩b⟨\\n⟩c⟨\\e⟩[31m');
  });

  it('a mark that turns the direction of the text cannot hide', () => {
    expect(visible('pay\u202Egpj.exe')).toBe('pay⟨U+202E⟩gpj.exe');
    expect(pieces('\u2066x')).toEqual([{ text: 'U+2066', mark: 'U+2066' }, { text: 'x' }]);
  });

  it('characters of no width, tags and lone surrogates cannot hide either', () => {
    expect(visible('a\u200Bb\uFEFF\u{E0041}')).toBe('a⟨U+200B⟩b⟨U+FEFF⟩⟨U+E0041⟩');
    expect(visible('\ud800')).toBe('⟨U+D800⟩');
  });

  it('where lines are wanted, line feeds and tabs stay, carriage returns do not', () => {
    expect(pieces('a\r\n\tb', true)).toEqual([{ text: 'a' }, { text: '\\r', mark: 'U+000D' }, { text: '\n\tb' }]);
  });

  it('markup is text', () => {
    expect(visible('<img src=x onerror=alert(1)>')).toBe('<img src=x onerror=alert(1)>');
  });
});
