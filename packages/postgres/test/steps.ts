import type { Pool, PoolClient } from 'pg'
import type { PostgresPool } from '../src/index.ts'

/** The inbox's own round trips; handlers run between them. */
export const STEPS = ['begin', 'commit'] as const
export type Step = (typeof STEPS)[number]

/** When something happens to a connection. */
export interface Moment {
  readonly step: Step
  readonly when: 'before' | 'after'
}

export const MOMENTS: readonly Moment[] = STEPS.flatMap((step) => [
  { step, when: 'before' },
  { step, when: 'after' },
])

/**
 * A pool in which something happens to the connection at a moment, once. If that returns something,
 * it is the answer.
 */
export function poolWith(
  pool: Pool,
  { step, when }: Moment,
  happen: (client: PoolClient, pid: number) => Promise<unknown>,
): PostgresPool<PoolClient> {
  let isOver = false

  async function connect(): Promise<PoolClient> {
    const client = await pool.connect()
    if (isOver) return client
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const pid = rows[0]?.pid ?? 0
    return new Proxy(client, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        if (name !== 'query') return value.bind(target)
        return async (text: string, ...rest: unknown[]): Promise<unknown> => {
          const isMoment = !isOver && stepOf(text) === step
          isOver ||= isMoment
          const answer = isMoment && when === 'before' ? await happen(target, pid) : undefined
          if (answer !== undefined) return answer
          const result: unknown = await Reflect.apply(value, target, [text, ...rest])
          if (isMoment && when === 'after') await happen(target, pid)
          return result
        }
      },
    })
  }

  return { connect }
}

function stepOf(text: string): Step | undefined {
  if (text.startsWith('begin')) return 'begin'
  return text.endsWith('commit') ? 'commit' : undefined
}
