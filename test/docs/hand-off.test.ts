import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { PATIENCE_MS } from '../patience.ts'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { hasRedis, startRedis, type RedisServer } from '../servers/redis.ts'
import { codeBlocks, codeOf, section, tables } from './markdown.ts'
import { readDocument } from './snippets.ts'

const keys = createTestKeys()

// What a reader adds: a port.
const START = `
import { app } from './receiver.ts'
const server = app.listen(0, '127.0.0.1', () => console.log(\`port:\${server.address().port}\`))
`

const PACKAGES = [
  { name: 'bullmq', isHere: hasRedis },
  { name: 'pg-boss', isHere: true },
]

describe.each(PACKAGES)('packages/$name/README.md', ({ name, isHere }) => {
  const readme = readDocument(`packages/${name}/README.md`)
  const shared = ['options', 'errors']
    .map((file) => readDocument(`packages/hand-off/src/${file}.ts`))
    .join('\n')
  const own = readDocument(`packages/${name}/src/${name}-queue.ts`)

  it.each([
    [
      '## The queue',
      /^(?:EventQueueOptions|JobOptions|WarningOptions|(?:Bullmq|PgBoss)QueueOptions)$/,
      shared + own,
    ],
    ['## The worker', /^(?:WorkOptions|WarningOptions)$/, shared],
  ])('names every option under "%s", with its default', (heading, interfaces, source) => {
    const [, ...rows] = tables(section(readme, heading))[0] ?? []
    const documented = rows.flatMap(([cell = '', standard = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, option]) => [option, codeOf(standard) ?? '']),
    )
    expect(new Map(documented as [string, string][])).toEqual(optionsOf(source, interfaces))
  })

  describe.skipIf(!isHere)('the programs in it', () => {
    let postgres: PostgresServer
    let redis: RedisServer | undefined
    const folder = mkdtempSync(join(import.meta.dirname, '.snippets-'))
    const children: ChildProcess[] = []

    beforeAll(async () => {
      postgres = await startPostgres()
      if (name === 'bullmq') redis = await startRedis()
      const [receiver, worker] = codeBlocks(readme).filter(({ language }) => language === 'ts')
      writeFileSync(join(folder, 'receiver.ts'), receiver?.text ?? '')
      writeFileSync(join(folder, 'worker.ts'), worker?.text ?? '')
      writeFileSync(join(folder, 'start.ts'), START)
    })

    afterAll(async () => {
      for (const child of children) child.kill('SIGKILL')
      await Promise.all([postgres.close(), redis?.close()])
      rmSync(folder, { recursive: true })
    })

    it('apply an event to its order, and end on SIGTERM', async () => {
      const shop = await openShop()
      await shop.insert('1', 'sending')
      expect(await shop.deliver('1')).toBe(200)
      await shop.until('1', 'sent')
      expect(await shop.stop('SIGTERM')).toEqual([0, null])
    })

    it('advance an order when it is saved after its event, and never back [H18]', async () => {
      const shop = await openShop()
      expect(await shop.deliver('2')).toBe(200)
      await shop.said(/handler-failed/)
      await shop.insert('2', 'sending')
      await shop.until('2', 'sent')
      for (const status of ['sent', 'received', 'refund']) {
        const applied = await shop.countApplied()
        await shop.insert(status, status)
        expect(await shop.deliver(status)).toBe(200)
        await eventually(async () => expect(await shop.countApplied()).toBe(applied + 1))
        await shop.until(status, status)
      }
      expect(await shop.stop('SIGINT')).toEqual([0, null])
    })

    it('end on SIGTERM while the queue does not answer [E56]', async () => {
      const shop = await openShop()
      await shop.insert('3', 'sending')
      expect(await shop.deliver('3')).toBe(200)
      await shop.until('3', 'sent')
      const broker = redis ?? postgres
      broker.freeze()
      expect(await shop.stop('SIGTERM')).toEqual([0, null])
      broker.thaw()
    })

    /** The two programs of the README, and the database of their shop. */
    async function openShop() {
      const database = new Client({ connectionString: postgres.url })
      await database.connect()
      onTestFinished(() => database.end())
      await database.query('create table if not exists orders (order_no text, status text)')
      const [receiver, worker] = [start('start.ts'), start('worker.ts')]
      const url = `http://127.0.0.1:${await portOf(receiver)}/webhooks`
      let log = ''
      worker.stderr?.on('data', (chunk: Buffer) => {
        log += chunk.toString()
      })

      async function insert(orderNo: string, status: string): Promise<void> {
        await database.query('insert into orders values ($1, $2)', [orderNo, status])
      }

      async function deliver(orderNo: string): Promise<number> {
        const object = { id: `red_${orderNo}`, order_no: orderNo }
        const signed = signDelivery(eventFixture('red_envelope.sent', { object }), keys)
        return (await fetch(url, signed.init())).status
      }

      function until(orderNo: string, status: string): Promise<void> {
        return eventually(async () => {
          const { rows } = await database.query('select status from orders where order_no = $1', [
            orderNo,
          ])
          expect(rows).toEqual([{ status }])
        })
      }

      /** How many events the worker has applied, ever. */
      async function countApplied(): Promise<number> {
        const { rowCount } = await database.query('select from hongbao_inbox')
        return rowCount ?? 0
      }

      async function stop(signal: NodeJS.Signals): Promise<unknown[]> {
        receiver.kill('SIGKILL')
        const ended = once(worker, 'exit')
        worker.kill(signal)
        return ended
      }

      const said = (line: RegExp): Promise<void> => eventually(() => expect(log).toMatch(line))
      return { insert, deliver, until, countApplied, said, stop }
    }

    function start(program: string): ChildProcess {
      const child = spawn(process.execPath, [join(folder, program)], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          PINGPP_PUBLIC_KEY: keys.publicKey,
          DATABASE_URL: postgres.url,
          REDIS_URL: redis?.url ?? '',
        },
      })
      children.push(child)
      return child
    }
  })
})

function eventually(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, PATIENCE_MS)
}

async function portOf({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('It has no output.')
  for await (const line of createInterface({ input: stdout })) {
    const port = /^port:(\d+)$/.exec(line)?.[1]
    if (port !== undefined) return port
  }
  throw new Error('It ended without a port.')
}

/** The options of the interfaces of a source, each with the code or the number of its default. */
function optionsOf(source: string, names: RegExp): Map<string, string> {
  const interfaces = source.matchAll(/^export interface (\w+).*?\{\n([\s\S]*?)^\}/gm)
  const bodies = [...interfaces]
    .filter(([, name = '']) => names.test(name))
    .map(([, , body]) => body)
  const fields = bodies.join('').matchAll(/((?:^ {2}(?:\/\*\*| \*).*\n)*)^ {2}readonly (\w+)\??:/gm)
  return new Map(
    [...fields].map(([, comment = '', option = '']) => {
      const text = comment.replaceAll(/\s*\n\s*\* ?/g, ' ')
      const standard = /Default: (`[^`]+`|[\d,]+)/.exec(text)?.[1] ?? ''
      return [option, standard.replaceAll(/[`,]/g, '')]
    }),
  )
}
