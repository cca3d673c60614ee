import type { Command, Group } from './command.ts'

type Load = () => Promise<Command | Group>

/** All commands. Each is loaded when it is used: none waits for what another one needs. */
export const COMMANDS: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['start', async () => (await import('./commands/start.ts')).start],
  ['trigger', async () => (await import('./commands/trigger.ts')).trigger],
  ['events', async () => (await import('./commands/events.ts')).events],
  ['envelopes', async () => (await import('./commands/envelopes.ts')).envelopes],
  ['clock', async () => (await import('./commands/clock.ts')).clock],
  ['fault', async () => (await import('./commands/fault.ts')).fault],
  ['target', async () => (await import('./commands/target.ts')).target],
  ['status', async () => (await import('./commands/status.ts')).status],
  ['tail', async () => (await import('./commands/tail.ts')).tail],
  ['open', async () => (await import('./commands/open.ts')).open],
  ['reset', async () => (await import('./commands/reset.ts')).reset],
  ['doctor', async () => (await import('./commands/doctor.ts')).doctor],
  ['env', async () => (await import('./commands/env.ts')).env],
  ['keys', async () => (await import('./commands/keys.ts')).keys],
  ['sign', async () => (await import('./commands/sign.ts')).sign],
  ['verify', async () => (await import('./commands/verify.ts')).verify],
  ['completion', async () => (await import('./commands/completion.ts')).completion],
])

/** A command by its path, or each command of a group by its own. */
export function partsOf(
  name: string,
  found: Command | Group,
): readonly (readonly [string, Command])[] {
  if (!('commands' in found)) return [[name, found]]
  return Object.entries(found.commands).map(([part, each]) => [`${name} ${part}`, each])
}
