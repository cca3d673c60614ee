import { createWebhooks, type Logger } from '@hongbao/core'
import { createTestKeys, eventFixture } from '@hongbao/core/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { PATIENCE_MS } from '../../../test/patience.ts'
import { openPostgres, type Opened, type OpenInbox } from './opened.ts'

const { publicKey } = createTestKeys()

let opened: Opened

beforeAll(async () => {
  opened = await openPostgres()
})

afterAll(() => opened.close())

describe('the line in the log', () => {
  it('names a pool without a free connection, and what to change [S19]', async () => {
    const given = opened.open({}, { max: 1 })
    const client = await given.pool.connect()
    const line = await lineOf(given)
    client.release()
    expect(line).toMatch(/ \[InboxError postgres-pool-timed-out[ \]].*`tx`/)
  })

  it('names a table that is missing, with the SQLSTATE and without the words of Postgres [S19]', async () => {
    const line = await lineOf(opened.open({ table: 'nowhere' }))
    expect(line).toMatch(/ \[InboxError postgres-table-missing 42P01[ \]].*`ensureSchema\(\)`/)
    expect(line).not.toContain('nowhere')
  })

  it('has different lines for a Postgres that does not answer and a pool without a free connection [S19]', async () => {
    const given = opened.open({ commandTimeoutMs: 2000 })
    // Connects before the time that is left for it runs.
    await vi.waitFor(() => given.inbox.ready(), { timeout: PATIENCE_MS })
    const locker = await opened.open().pool.connect()
    await locker.query('begin; lock table hongbao_inbox')
    const line = await lineOf(given)
    await locker.query('rollback')
    locker.release()
    expect(line).toMatch(/ \[InboxError postgres-(?:lock-)?timed-out[ \]]/)
  })
})

async function lineOf({ inbox }: OpenInbox): Promise<string> {
  const lines: string[] = []
  const logger: Logger = { warn() {}, error: (line) => void lines.push(line) }
  const webhooks = createWebhooks({ publicKey, inbox, logger })
  webhooks.on('*', () => {})
  await webhooks.dispatch(eventFixture('red_envelope.received'))
  expect(lines).toHaveLength(1)
  return lines[0] ?? ''
}
