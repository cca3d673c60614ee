import { createWebhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { pgBossQueue } from '@hongbao/pg-boss'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { PgBoss } from 'pg-boss'
import { afterAll, expect, it, vi } from 'vitest'
import { PATIENCE_MS } from '../patience.ts'
import { startPostgres } from '../servers/postgres.ts'
import { codeBlocks, codesOf, headings, tables } from './markdown.ts'
import { createWorkspace, readDocument, removeWorkspaces } from './snippets.ts'

const GUIDE = readDocument('docs/queues.md')
const keys = createTestKeys()
const stops: (() => unknown)[] = []
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop()
  removeWorkspaces()
})

it('dead-letters.ts lists what no worker could verify, and redrives it by id and all at once', async () => {
  const postgres = await startPostgres()
  stops.push(() => postgres.close())
  const url = await postgres.createDatabase()
  const boss = new PgBoss(url)
  await boss.start()
  stops.push(() => boss.stop({ timeout: 1000 }))
  const queue = pgBossQueue({ boss, pollingIntervalSeconds: 0.5, logger: false })
  const applied: string[] = []
  const { directory } = createWorkspace()
  const [list = '', redriveOne = '', redriveAll = ''] =
    codeBlocks(GUIDE)
      .find(({ language }) => language === 'sh')
      ?.text.trim()
      .split('\n') ?? []

  const ids = await fillDeadLetters(queue, 3)
  const listed = (await type(list)).trim().split('\n')
  expect(listed).toHaveLength(3)
  for (const [index, line] of listed.entries()) {
    expect(line).toContain(`red_envelope.sent ${ids[index]} 1`)
    expect(line).toContain('signature-mismatch')
  }

  const webhooks = createWebhooks({ publicKey: keys.publicKey, logger: false })
  webhooks.on('red_envelope.sent', ({ id }) => void applied.push(String(id)))
  const worker = await queue.work(webhooks, { logger: false })
  stops.push(() => worker.close())
  const [jobId = ''] = listed[0]?.split(' ') ?? []
  expect(await type(redriveOne.replace(/\S+$/, jobId))).toBe('Retried: 1\n')
  await vi.waitFor(() => expect(applied).toEqual([ids[0]]), PATIENCE_MS)
  expect(await type(redriveAll)).toBe('Retried: 2\n')
  await vi.waitFor(() => expect(applied.toSorted()).toEqual(ids.toSorted()), PATIENCE_MS)
  expect(await type(list)).toBe('')

  async function type(line: string): Promise<string> {
    const [, ...args] = line.split(' ')
    expect(args[0]).toBe('dead-letters.ts')
    const env = { ...process.env, DATABASE_URL: url }
    const run = promisify(execFile)
    return (await run(process.execPath, args, { cwd: directory, env })).stdout
  }
})

it.each(['docs/queues.md', 'docs/queues.zh-CN.md'])('%s names codes that exist', (path) => {
  const codes = (tables(readDocument(path))[1] ?? []).slice(1).flatMap(([cell]) => codesOf(cell))
  const errors = readDocument('docs/errors.md')
  const known = new Set([...headings(errors).map(({ text }) => text), ...codesOf(errors)])
  expect(codes).toHaveLength(10)
  expect(codes.filter((code) => !known.has(code))).toEqual([])
})

/** Events that a worker with another key has made dead letters; returns their ids, the oldest first. */
async function fillDeadLetters(
  queue: ReturnType<typeof pgBossQueue>,
  count: number,
): Promise<string[]> {
  const receiver = queue.receiver({ publicKey: keys.publicKey, logger: false })
  const stranger = createWebhooks({ publicKey: createTestKeys().publicKey, logger: false })
  const worker = await queue.work(stranger, { logger: false, concurrency: 1 })
  const ids: string[] = []
  for (let index = 1; index <= count; index += 1) {
    const event = eventFixture('red_envelope.sent')
    ids.push(String(event.id))
    const reply = await receiver.handle(signDelivery(event, keys).delivery())
    expect(reply.status).toBe(200)
    await vi.waitFor(async () => expect(await queue.deadLetters()).toHaveLength(index), PATIENCE_MS)
  }
  await worker.close()
  return ids
}
