// Which question about a recording is open.

export type Task =
  | { kind: 'rename'; name: string }
  | { kind: 'export'; name: string }
  | { kind: 'replay'; name: string }
  | { kind: 'import' }
  | { kind: 'compare' };

class Tasks {
  current = $state.raw<Task | undefined>();

  rename(name: string): void {
    this.current = { kind: 'rename', name };
  }

  export(name: string): void {
    this.current = { kind: 'export', name };
  }

  replay(name: string): void {
    this.current = { kind: 'replay', name };
  }

  import(): void {
    this.current = { kind: 'import' };
  }

  compare(): void {
    this.current = { kind: 'compare' };
  }

  done(): void {
    this.current = undefined;
  }
}

export const tasks = new Tasks();
