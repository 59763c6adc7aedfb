// Accounts, rules and denials as the page has them: asked for when it is opened and after each change.
import {
  accessDenials,
  accessFindings,
  accessReport,
  asFailure,
  type AccessReport,
  type Denials,
  type Failure,
  type Finding,
} from '$lib/backend';

export type Tab = 'rules' | 'accounts' | 'what-if' | 'denials' | 'findings';

class Access {
  report = $state.raw<AccessReport | undefined>();
  denials = $state.raw<Denials | undefined>();
  findings = $state.raw<readonly Finding[]>([]);
  failure = $state.raw<Failure | undefined>();
  tab = $state<Tab>('rules');
  /** The text in the editor; nothing where it is as in the file. */
  draft = $state<string | undefined>();
  /** The line that a verdict or a proposal points at. */
  line = $state<number | undefined>();

  async load(): Promise<void> {
    try {
      [this.report, this.denials, this.findings] = await Promise.all([
        accessReport(),
        accessDenials(),
        accessFindings(),
      ]);
      this.failure = undefined;
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
