import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The files that take longest. Those that compute and those that wait take turns, so that the files that
 * run at a time share the cores and do not all need them.
 */
const SLOW = [
  'test/inspector/inspector.test.ts',
  'test/conformance/hand-off-bullmq.test.ts',
  'test/crash/trial-redis.test.ts',
  'test/conformance/hand-off-pg-boss.test.ts',
  'test/faults/outages-postgres.test.ts',
  'test/docs/hand-off.test.ts',
  'test/crash/trial-pg-boss.test.ts',
  'test/faults/outages-hand-offs.test.ts',
  'test/faults/herd.test.ts',
  'test/crash/trial-bullmq.test.ts',
  'test/faults/outages-redis.test.ts',
  'test/crash/crash.test.ts',
  'test/faults/sentinel.test.ts',
  'test/conformance/inbox.test.ts',
  'test/runtimes/runtimes.test.ts',
  'test/conformance/memory.test.ts',
  'packages/postgres/test/capacity.test.ts',
  'test/crash/trial-memory.test.ts',
  'packages/sandbox/test/cli.test.ts',
  'test/crash/trial-postgres.test.ts',
  'packages/sandbox/test/cli-place.test.ts',
  'test/crash/trial-mysql2.test.ts',
  'packages/postgres/test/outages.test.ts',
  'test/faults/red-envelope-order.test.ts',
  'test/docs/sixty-seconds.test.ts',
  'packages/redis/test/lease.test.ts',
  'test/faults/openssl.test.ts',
  'packages/bullmq/test/close.test.ts',
  'packages/postgres/test/postgres-js.test.ts',
  'test/docs/inboxes.test.ts',
  'packages/sandbox/test/cli-live.test.ts',
  'test/types/types.test.ts',
  'test/faults/connections.test.ts',
  // Those of vitest.integrations.config.ts. Builds of frameworks between those that use databases.
  'integrations/next/next.test.ts',
  'integrations/orms-2/mikro-orm.test.ts',
  'integrations/orms-1/prisma.test.ts',
  'integrations/examples-next/examples-next.test.ts',
  'integrations/orms-2/drizzle.test.ts',
  'integrations/site/site.test.ts',
  'integrations/orms-1/crash.test.ts',
  'integrations/orms-1/sequelize.test.ts',
  'integrations/examples-nest/examples-nest.test.ts',
  'integrations/orms-2/knex.test.ts',
  'integrations/orms-1/typeorm.test.ts',
  'integrations/jest/jest.test.ts',
  'integrations/orms-2/kysely.test.ts',
  'integrations/nest-12/nest.test.ts',
  'integrations/nest-11/nest.test.ts',
  'integrations/nest-prisma/guide.test.ts',
]

/**
 * Starts the slowest files first, so that no core waits for one of them in the end. Vitest knows how
 * long a file takes only after it has run it on this machine.
 */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // The linter takes it for the `sort` of an array.
    // oxlint-disable-next-line unicorn/no-array-sort
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b))
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = SLOW.findIndex((path) => moduleId.endsWith(path))
  return rank === -1 ? SLOW.length : rank
}
