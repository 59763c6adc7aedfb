// Accounts, rules and denials as the page has them: asked for when it is opened and after each change.
import {
  accessDenials,
  accessFindings,
  accessLearn,
  accessReport,
  asFailure,
  type AccessReport,
  type Denials,
  type Failure,
  type Finding,
  type LearnReport,
} from '$lib/backend';

export type Tab = 'rules' | 'accounts' | 'what-if' | 'denials' | 'learn' | 'findings';

class Access {
  report = $state.raw<AccessReport | undefined>();
  denials = $state.raw<Denials | undefined>();
  learned = $state.raw<LearnReport | undefined>();
  findings = $state.raw<readonly Finding[]>([]);
  failure = $state.raw<Failure | undefined>();
  tab = $state<Tab>('rules');
  /** The text in the editor; nothing where it is as in the file. */
  draft = $state<string | undefined>();
  /** The line that a verdict or a proposal points at. */
  line = $state<number | undefined>();

  #asked = 0;

  /** Reads them anew. Of several readings under way the last one counts. */
  async load(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const read = await Promise.all([accessReport(), accessDenials(), accessFindings(), accessLearn()]);
      if (asked !== this.#asked) return;
      [this.report, this.denials, this.findings, this.learned] = read;
      this.failure = undefined;
    } catch (thrown) {
      if (asked === this.#asked) this.failure = asFailure(thrown);
    }
  }

  /** What is being learned, while it is. */
  async loadLearned(): Promise<void> {
    try {
      this.learned = await accessLearn();
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
  }

  /** Shows a line of the rules. */
  show(line: number): void {
    this.line = line;
    this.tab = 'rules';
  }
}

export const access = new Access();
