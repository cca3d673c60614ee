import type { Figure } from './figure.ts'

/** Name → the file that measures, in the order in which the table shows them. */
export const MEASURES: Readonly<Record<string, () => Promise<{ measure(): Promise<Figure[]> }>>> = {
  handle: () => import('./handle.ts'),
  channel: () => import('./channel.ts'),
  allocations: () => import('./allocations.ts'),
  adapters: () => import('./adapters.ts'),
  'published-sample': () => import('./published-sample.ts'),
  refusals: () => import('./refusals.ts'),
  memory: () => import('./memory.ts'),
  size: () => import('./size.ts'),
  'import-time': () => import('./import-time.ts'),
  sandbox: () => import('./sandbox.ts'),
  'command-line': () => import('./command-line.ts'),
  'inbox-postgres': () => import('./inbox-postgres.ts'),
  'inbox-mariadb': () => import('./inbox-mariadb.ts'),
  'inbox-redis': () => import('./inbox-redis.ts'),
  instances: () => import('./instances.ts'),
}
