import type { Guarantee } from './checker.ts'
import { POINTS, type Point } from './points.ts'
import type { Store } from './store.ts'

/** A store of the crash test, and what is promised of it. */
export interface StorePlan {
  readonly title: string
  readonly guarantee: Guarantee
  /** How many app processes share it. */
  readonly processes: 1 | 4
  readonly needsRedis: boolean
  readonly needsMariadb?: boolean
  /** Which servers are restarted on the way. */
  readonly restarts: readonly ServerName[]
  /** Where its processes can be made to end. */
  readonly points: readonly Point[]
  readonly load: () => Promise<Store>
}

export type ServerName = 'postgres' | 'redis' | 'mariadb'

const ofInbox = POINTS.filter((point) => !point.endsWith('hand-off'))
const ofMemory = ofInbox.filter((point) => !point.endsWith('commit'))

/** Name → plan, of what hongbao offers. The effects stand in Postgres,
 * or in MariaDB with the inbox. */
export const STORES: Readonly<Record<string, StorePlan>> = {
  postgres: {
    title: 'Postgres inbox',
    guarantee: 'once',
    processes: 4,
    needsRedis: false,
    restarts: ['postgres'],
    points: ofInbox,
    load: async () => (await import('./stores/postgres.ts')).postgresStore,
  },
  mysql2: {
    title: 'mysql2 inbox on MariaDB',
    guarantee: 'once',
    processes: 4,
    needsRedis: false,
    needsMariadb: true,
    restarts: ['mariadb'],
    points: ofInbox,
    load: async () => (await import('./stores/mysql2.ts')).mysql2Store,
  },
  prisma: {
    title: 'Prisma inbox on MariaDB',
    guarantee: 'once',
    processes: 4,
    needsRedis: false,
    needsMariadb: true,
    restarts: ['mariadb'],
    points: ofInbox,
    load: async () => (await import('../integrations/orms-1/crash-store.ts')).prismaStore,
  },
  bullmq: {
    title: 'BullMQ, Postgres inbox in the worker',
    guarantee: 'once',
    processes: 4,
    needsRedis: true,
    restarts: ['redis', 'postgres'],
    points: POINTS,
    load: async () => (await import('./stores/bullmq.ts')).bullmqStore,
  },
  'pg-boss': {
    title: 'pg-boss, Postgres inbox in the worker',
    guarantee: 'once',
    processes: 4,
    needsRedis: false,
    restarts: ['postgres'],
    points: POINTS,
    load: async () => (await import('./stores/pg-boss.ts')).pgBossStore,
  },
  'redis-unique': {
    title: 'Redis inbox, unique key on the effect',
    guarantee: 'once',
    processes: 4,
    needsRedis: true,
    restarts: ['redis'],
    points: ofInbox,
    load: () => loadRedis('EFFECT_ONCE'),
  },
  redis: {
    title: 'Redis inbox',
    guarantee: 'once-unless-interrupted',
    processes: 4,
    needsRedis: true,
    restarts: ['redis'],
    points: ofInbox,
    load: () => loadRedis('EFFECT'),
  },
  memory: {
    title: 'Memory inbox, one process',
    guarantee: 'once-per-process',
    processes: 1,
    needsRedis: false,
    restarts: [],
    points: ofMemory,
    load: async () => (await import('./stores/memory.ts')).memoryStore,
  },
}

async function loadRedis(effect: 'EFFECT' | 'EFFECT_ONCE'): Promise<Store> {
  const [{ redisStore }, fixture] = await Promise.all([
    import('./stores/redis.ts'),
    import('./fixture.ts'),
  ])
  return redisStore(fixture[effect])
}

const RECIPE = { guarantee: 'once', processes: 4, restarts: [] } as const

/** What people write by hand, and the trial must find wanting. Not part of a run unless named. */
export const RECIPES: Readonly<Record<string, StorePlan>> = {
  'seen-flag': {
    ...RECIPE,
    title: 'by hand: SET NX as "seen"',
    needsRedis: true,
    points: ofMemory,
    load: async () => (await import('./stores/recipes.ts')).seenFlag,
  },
  'look-first': {
    ...RECIPE,
    title: 'by hand: look, then apply',
    needsRedis: false,
    points: ofMemory,
    load: async () => (await import('./stores/recipes.ts')).lookFirst,
  },
  'answer-first': {
    ...RECIPE,
    title: 'by hand: answer, then apply',
    needsRedis: false,
    points: ofMemory,
    load: async () => (await import('./stores/recipes.ts')).answerFirst,
  },
}

export function findStore(name: string): StorePlan | undefined {
  return STORES[name] ?? RECIPES[name]
}
