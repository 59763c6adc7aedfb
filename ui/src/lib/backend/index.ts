// The only door to the shell: nothing else imports @tauri-apps.
export type * from './api';
export * from './commands';
export { letterTyped } from './drawing';
export * from './errors';
export * from './streams';
