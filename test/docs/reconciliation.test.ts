import type { PingppClient, Reconciler, ReconcilerReport } from '@hongbao/client'
import { createTestKeys } from '@hongbao/core/testing'
import { startSandbox, type Sandbox } from '@hongbao/sandbox'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Pool } from 'pg'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startPostgres } from '../servers/postgres.ts'
import type { orders } from './host/orders.ts'
import { codeBlocks, codeOf, section, tables } from './markdown.ts'
import { createWorkspace, readDocument, removeWorkspaces, type Workspace } from './snippets.ts'
import { defaultOf, fieldsOf, figureOf } from './source.ts'

const ENGLISH = {
  path: 'docs/reconciliation.md',
  plan: '## What a run does',
  events: '## What is dispatched',
  table: '## Your table',
  report: '## The report',
  options: '## Options',
  minutes: { min: 1, h: 60 } as Record<string, number>,
}

const CHINESE: typeof ENGLISH = {
  path: 'docs/reconciliation.zh-CN.md',
  plan: '## 每次执行的步骤',
  events: '## 派发什么',
  table: '## 你的数据表',
  report: '## 报告',
  options: '## 选项',
  minutes: { 分钟: 1, 分: 1, 小时: 60 },
}

describe.each([ENGLISH, CHINESE])('$path', (words) => {
  const markdown = readDocument(words.path)
  const rowsOf = (heading: string, index = 0) =>
    tables(section(markdown, heading)).at(index)?.slice(1) ?? []
  const codesIn = (rows: string[][]) =>
    rows.flatMap(([cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name))

  it.each([
    ['ReconcilerOptions', 0],
    ['ReconcilerRunOptions', 1],
  ])('has every option of %s with its default', (name, index) => {
    const documented = fieldsOf('packages/client/src/reconcile/reconciler-options.ts', name)
    expect(
      rowsOf(words.options, index).map(([option, standard]) => [
        codeOf(option),
        figureOf(standard),
      ]),
    ).toEqual(documented.map(({ field, comment }) => [field, defaultOf(comment)]))
  })

  it('has every field of a report, and no other', () => {
    const fields = fieldsOf(
      'packages/client/src/reconcile/reconciler-report.ts',
      'ReconcilerReport',
    )
    const named = codesIn(rowsOf(words.report))
    expect(named.toSorted()).toEqual(fields.map(({ field }) => field).toSorted())
  })

  it('has every field of a row of `open`', () => {
    const fields = fieldsOf('packages/client/src/reconcile/open-envelopes.ts', 'OpenRedEnvelope')
    expect(codesIn(rowsOf(words.table))).toEqual(
      expect.arrayContaining(fields.map(({ field }) => field)),
    )
  })

  it('has every reason of a conflict', () => {
    expect(codesIn(rowsOf(words.report, 1)).toSorted()).toEqual([
      'amount',
      'app',
      'channel',
      'currency',
      'end',
      'id',
      'livemode',
      'order_no',
      'recipient',
      'status',
    ])
  })

  it('names the event of every state', () => {
    expect(rowsOf(words.events).map(([status, type]) => [codeOf(status), codeOf(type)])).toEqual([
      ['sending', undefined],
      ['sent', 'red_envelope.sent'],
      ['refunding', 'red_envelope.refunding'],
      ['received', 'red_envelope.received'],
      ['failed', 'red_envelope.failed'],
      ['refund', 'red_envelope.refund'],
    ])
  })

  it('names the due times of the plan', () => {
    const times = rowsOf(words.plan).flatMap(([cell = '']) => cell.split(/[,、]/))
    const inMinutes = times.map((time) =>
      [...time.matchAll(/(\d+) ([a-z]+|[分钟小时]+)/g)].reduce(
        (sum, [, count, unit = '']) => sum + Number(count) * (words.minutes[unit] ?? Number.NaN),
        0,
      ),
    )
    expect(inMinutes.filter((minutes) => minutes > 0)).toEqual([
      2, 10, 60, 360, 1455, 1560, 2880, 4320,
    ])
  })
})

describe('the snippet', async () => {
  const merchant = createTestKeys()
  const sandbox: Sandbox = await startSandbox({
    clock: 'virtual',
    merchantPublicKey: merchant.publicKey,
  })
  const lines = vi.spyOn(console, 'error').mockImplementation(() => {})
  vi.stubEnv('PINGPP_API_KEY', sandbox.apiKey)
  vi.stubEnv('PINGPP_PRIVATE_KEY', merchant.privateKey)
  vi.stubEnv('PINGPP_PUBLIC_KEY', sandbox.publicKey)
  vi.stubEnv('PINGPP_BASE_URL', sandbox.url)

  beforeEach(() => sandbox.reset())
  afterAll(async () => {
    await sandbox.close()
    removeWorkspaces()
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  it('reconciling.ts handles envelopes that failed or were refunded, and stops', async () => {
    const workspace = createWorkspace()
    const { orders: book } = await workspace.import<{ orders: typeof orders }>('orders.ts')
    for (const orderNo of ['1', '2']) {
      await book.insert(orderNo, { amount: 888 })
      await create(workspace, orderNo)
    }
    sandbox.move('1', 'failed')
    for (const status of ['sent', 'refunding', 'refund'] as const) sandbox.move('2', status)

    const { reconciler } = await workspace.import<Snippet>('reconciling.ts')
    // The loop has started; this waits for its run.
    expect(await reconciler.run()).toMatchObject({ error: null, applied: [] })
    await reconciler.close()
    expect(book.find('1')).toMatchObject({ status: 'failed' })
    expect(book.find('2')).toMatchObject({ status: 'refund' })
    expect(book.notes.map(([subject]) => subject)).toEqual(['1'])
  })

  it('reconciling-rows.ts dispatches the open rows of the table, and saves missing ids', async () => {
    const server = await startPostgres()
    vi.stubEnv('DATABASE_URL', server.url)
    const workspace = createWorkspace()
    const { pool } = await workspace.import<{ pool: Pool }>('db.ts')
    await pool.query(PAYOUTS)
    const { orders: book } = await workspace.import<{ orders: typeof orders }>('orders.ts')
    const created = Math.floor(Date.now() / 1000)
    const ids = new Map<string, string>()
    for (const orderNo of ['1', '2', '3', '4']) {
      ids.set(orderNo, await create(workspace, orderNo))
      sandbox.move(orderNo, 'sent')
    }
    const idOf = (orderNo: string): string => ids.get(orderNo) ?? ''
    for (const row of [
      ['1', idOf('1'), created, 'sending', 888],
      ['2', null, created, 'sending', 888],
      ['3', idOf('3'), created, 'sending', 8],
      ['4', idOf('4'), created, 'received', 888],
    ]) {
      await pool.query('insert into payouts values ($1, $2, $3, $4, $5)', row)
      await book.insert(String(row[0]), { amount: 888 })
    }

    const { reconciler } = await workspace.import<Snippet>('reconciling-rows.ts')
    expect(await reconciler.run()).toMatchObject({
      error: null,
      applied: [{ order_no: '2' }, { order_no: '1' }],
      conflicts: [{ order_no: '3', reason: 'amount' }],
      adopted: [{ id: idOf('2'), order_no: '2' }],
    })
    expect(lines).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('(order_no 3): amount'))
    expect(['1', '2', '3', '4'].map((orderNo) => book.find(orderNo)?.status)).toEqual([
      'sent',
      'sent',
      'sending',
      'sending',
    ])
    // No run waits for its hook.
    const readIds = async () =>
      (await pool.query(`select id from payouts where order_no = '2'`)).rows
    await expect.poll(readIds).toEqual([{ id: idOf('2') }])
    await pool.end()
    await server.close()
  })

  it('backfill.ts prints what it would dispatch, and dispatches only on request', async () => {
    const workspace = createWorkspace()
    const command = codeBlocks(readDocument('docs/reconciliation.md')).find(
      ({ language }) => language === 'sh',
    )
    const shown = command?.text.trim().replaceAll(/2026-02-\d\d/g, 'DAY')
    expect(shown).toBe('node backfill.ts --from DAY --to DAY --dry-run')
    await create(workspace, '1')
    sandbox.move('1', 'failed')
    const days = [dayFromNow(-1), dayFromNow(1)]

    const dry = await backfill(workspace, [...rangeOf(days), '--dry-run'])
    expect(dry).toMatchObject({ dryRun: true, wouldDispatch: [{ order_no: '1' }], unhandled: 0 })
    expect(await backfill(workspace, rangeOf(days))).toMatchObject({ dispatched: 1, error: null })
    const before = rangeOf([dayFromNow(-9), dayFromNow(-8)])
    expect(await backfill(workspace, before)).toMatchObject({ swept: 0 })
  })

  it('backfill.ts exits with 1 if Ping++ cannot be queried', async () => {
    const env = { ...process.env, PINGPP_API_KEY: 'sk_live_0' }
    await expect(backfill(createWorkspace(), [], env)).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('"code": "api-key-invalid"') as string,
    })
  })
})

const PAYOUTS =
  'create table payouts (order_no text primary key, id text, created integer, status text, amount integer)'

interface Snippet {
  readonly reconciler: Reconciler
}

async function create(workspace: Workspace, orderNo: string): Promise<string> {
  const { pingpp } = await workspace.import<{ pingpp: PingppClient }>('client.ts')
  const { id } = await pingpp.redEnvelopes.create({
    app: { id: 'app_1Gqj58ynP0mHeX1q' },
    channel: 'wx_pub',
    order_no: orderNo,
    amount: 888,
    currency: 'cny',
    recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
    subject: '新年红包',
    body: '恭喜发财，大吉大利',
    description: '春节活动',
    extra: { send_name: '红包商店' },
  })
  return id
}

/** In a process of its own, because it reads its arguments. */
async function backfill(
  { directory }: Workspace,
  flags: readonly string[],
  env = process.env,
): Promise<ReconcilerReport> {
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['backfill.ts', ...flags], { cwd: directory, env })
  return JSON.parse(stdout) as ReconcilerReport
}

function rangeOf([from = '', to = '']: readonly string[]): string[] {
  return ['--from', from, '--to', to]
}

function dayFromNow(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
}
