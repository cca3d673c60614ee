export { startSandbox } from './start.ts'
export type { EventQuery, Sandbox, SandboxOptions, WaitOptions } from './start.ts'
export { SandboxError } from './errors.ts'
export type { SandboxErrorCode } from './errors.ts'
