import {
  createTestKeys,
  eventFixture,
  signDelivery,
  type SignedDelivery,
} from '@hongbao/core/testing'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SNIPPETS } from '../docs/snippets.ts'
import { run } from '../packaging/steps.ts'
import { spawnProgram, type Spawned } from '../spawned.ts'

/** An app of a framework that runs. */
export interface RunningApp {
  /** The address of the webhook. */
  readonly url: string
  close(): unknown
}

/** An app in a process of its own. */
export interface SpawnedApp extends RunningApp {
  /** Waits for a line of its output. */
  readonly word: Spawned['word']
}

/** A mount that docs/mounting.md shows, in the framework itself. */
export interface DocumentedMount {
  /** The framework and its major version, for the names of the tests. */
  readonly host: string
  /** The folder of the integration, from where its packages resolve. */
  readonly folder: string
  /** The documented modules: the name that each has in the document, and its path in the app. `webhooks.ts` is at its root by default. */
  readonly snippets: Readonly<Record<string, string>>
  /** What the framework does when the rest of a body is not read. Default: it answers 413. */
  readonly oversized?: 'closes the connection'
  /** Starts the app in a folder that has the modules, and `webhooks.ts` and `orders.ts`. */
  readonly start: (app: string) => Promise<RunningApp>
}

const keys = createTestKeys()
const stranger = createTestKeys()

/** Sends an app genuine, repeated, forged and oversized deliveries, and checks what it answers and applies. */
export function describeMount(mount: DocumentedMount): void {
  const { host, folder, snippets, oversized = 413, start } = mount
  describe(`the documented mount in ${host}`, () => {
    const app = mkdtempSync(join(folder, '.app-'))
    let running: RunningApp | undefined

    beforeAll(async () => {
      process.env['PINGPP_PUBLIC_KEY'] = keys.publicKey
      process.env['ORDERS_FILE'] = join(app, 'orders.txt')
      writeFileSync(join(app, 'orders.txt'), '')
      writeApp(app, snippets)
      running = await start(app)
    })

    afterAll(async () => {
      await running?.close()
      rmSync(app, { recursive: true, force: true })
    })

    const send = async (signed: SignedDelivery): Promise<[number, string]> => {
      const response = await fetch(String(running?.url), signed.init())
      return [response.status, await response.text()]
    }
    const appliedTo = (orderNo: string): string[] =>
      readFileSync(join(app, 'orders.txt'), 'utf8')
        .split('\n')
        .filter((line) => line.includes(orderNo))

    it('applies a signed event once, and answers 200 to its duplicate [G22]', async () => {
      const orderNo = randomUUID()
      const event = eventFixture('red_envelope.sent', { object: { order_no: orderNo } })
      const signed = signDelivery(event, keys)
      expect(await send(signed)).toEqual([200, '{"outcome":"handled"}'])
      expect(await send(signed)).toEqual([200, '{"outcome":"duplicate"}'])
      expect(appliedTo(orderNo)).toEqual([`sent ${orderNo} ${event.data.object.transaction_no}`])
    })

    it('answers 401 to a forgery, and applies nothing [G22]', async () => {
      const orderNo = randomUUID()
      const event = eventFixture('red_envelope.sent', { object: { order_no: orderNo } })
      expect(await send(signDelivery(event, stranger))).toEqual([
        401,
        '{"outcome":"rejected","code":"signature-mismatch"}',
      ])
      expect(appliedTo(orderNo)).toEqual([])
    })

    it('refuses a body over the limit, and goes on [G22]', async () => {
      const signed = signDelivery('红'.repeat(100_000), keys)
      const body = new Blob([new Uint8Array(signed.bytes)]).stream()
      const init = { ...signed.init(), body, duplex: 'half' } as RequestInit
      const answer = await fetch(String(running?.url), init).then(
        ({ status }) => status,
        () => 'closes the connection',
      )
      expect(answer).toBe(oversized)
      expect(await send(signDelivery(eventFixture('red_envelope.sent'), keys))).toEqual([
        200,
        '{"outcome":"handled"}',
      ])
    })

    it('is documented with the right types', async () => {
      await expect(run('tsc', ['-p', app])).resolves.toBe('')
    })
  })
}

/** Lets a server of Node listen on a free port of this machine. */
export async function listen(server: Server): Promise<RunningApp> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/webhooks`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Runs a program that starts the app in a folder and prints `listening on` and a port. */
export async function spawnApp(
  program: string,
  folder: string,
  runtime?: string,
): Promise<SpawnedApp> {
  const child = spawnProgram(program, { folder }, runtime)
  const [, port] = await child.word(/^listening on (\d+)$/)
  return { url: `http://127.0.0.1:${port}/webhooks`, close: child.kill, word: child.word }
}

/** Checks what an app logs whose body parser has read a delivery, and that it answers 500. */
export async function checkHint(app: SpawnedApp, hint: RegExp): Promise<void> {
  try {
    const signed = signDelivery(eventFixture('red_envelope.sent'), keys)
    const response = await fetch(app.url, signed.init())
    expect([response.status, await response.text()]).toEqual([
      500,
      '{"outcome":"failed","code":"body-consumed"}',
    ])
    await app.word(hint)
  } finally {
    await app.close()
  }
}

/** Writes documented modules, and what they import, as a reader would. */
export function writeApp(app: string, snippets: Readonly<Record<string, string>>): void {
  const paths = { 'webhooks.ts': 'webhooks.ts', ...snippets }
  for (const [name, path] of Object.entries(paths)) {
    const snippet = SNIPPETS.find((each) => each.name === name)
    if (snippet === undefined) throw new Error(`No document has a snippet named ${name}.`)
    mkdirSync(join(app, dirname(path)), { recursive: true })
    writeFileSync(join(app, path), snippet.code)
  }
  cpSync(join(import.meta.dirname, 'orders.ts'), join(app, paths['webhooks.ts'], '../orders.ts'))
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(TSCONFIG))
}

// What a reader's project need not have: declarations of its own, and `env['NAME']`.
const TSCONFIG = {
  extends: '../../../../tsconfig.base.json',
  compilerOptions: {
    declaration: false,
    isolatedDeclarations: false,
    noPropertyAccessFromIndexSignature: false,
    verbatimModuleSyntax: false,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  },
  include: ['./**/*.ts'],
}
