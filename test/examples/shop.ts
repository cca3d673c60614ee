import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { startSandbox, type Sandbox } from '@hongbao/sandbox'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { freePort } from '../free-port.ts'
import { PATIENCE_MS } from '../patience.ts'

export const EXAMPLES: string = join(import.meta.dirname, '../../examples')

/** What a shop of `examples` needs to start: the variables of its `.env`. */
export type Variables = Readonly<Record<string, string>>

/** A shop that runs. */
export interface RunningShop {
  readonly url: string
  /** Resolves with how each of its processes ended. */
  readonly stop: (signal: NodeJS.Signals) => Promise<readonly unknown[]>
}

/** A shop of `examples`, and how a test starts it. */
export interface ShopExample {
  /** Its folder in `examples`. */
  readonly name: string
  /** Starts it, also again, with the variables of its `.env.example` and those of the sandbox. */
  readonly start: (variables: Variables) => Promise<RunningShop>
  /** How each of its processes ends on SIGTERM. Default: one, with status 0. */
  readonly ends?: readonly unknown[]
  /** Whether its orders outlive its processes. Default: true. */
  readonly isDurable?: boolean
}

/** Sends an order through a shop of `examples` to its end, with a sandbox as its Ping++. */
export function describeShop(example: ShopExample): void {
  const { name, start, ends = [[0, null]], isDurable = true } = example
  describe(`the example ${name}`, () => {
    const merchant = createTestKeys()
    let sandbox: Sandbox
    let variables: Variables
    let shop: RunningShop | undefined

    beforeAll(async () => {
      sandbox = await startSandbox({
        sendWebhooks: 'on-create',
        merchantPublicKey: merchant.publicKey,
        requestSignatures: 'strict',
      })
      variables = {
        ...parseEnv(readFileSync(join(EXAMPLES, name, '.env.example'), 'utf8')),
        ...sandbox.env,
        PINGPP_PRIVATE_KEY: merchant.privateKey,
        PORT: `${await freePort()}`,
      }
      shop = await start(variables)
      sandbox.setTarget(`${shop.url}/webhooks`)
    })

    afterAll(async () => {
      await shop?.stop('SIGKILL')
      await sandbox.close()
    })

    it('answers its health check', async () => {
      expect(await read('/health')).toEqual([200, { ok: true }])
    })

    it('sends an envelope for an order, and webhooks move the order to its end, never back [H1]', async () => {
      expect(await order('101')).toMatchObject([201, { order_no: '101', amount: 888 }])
      expect(sandbox.envelope('101')).toMatchObject({ amount: 888, recipient: OPENID })
      await expectStatus('101', 'sent')

      const { id } = sandbox.move('101', 'received')
      await expectStatus('101', 'received')

      const late = sandbox.trigger('red_envelope.sent', { envelope: id })
      await sandbox.waitFor({ id: late.id, status: 'delivered' }, { timeoutMs: PATIENCE_MS })
      await expectStatus('101', 'received')
    })

    it('sends one envelope for an order that is posted twice', async () => {
      await order('102')
      expect(await order('102')).toMatchObject([201, { envelope_id: sandbox.envelope('102')?.id }])
      const created = sandbox
        .journal()
        .filter((record) => record.type === 'api.request' && record.operation === 'create')
      expect(created).toMatchObject([{ orderNo: '101' }, { orderNo: '102' }])
    })

    it('keeps an order whose envelope could not be created, and sends it at the next post', async () => {
      sandbox.faults.add('api-error', { status: 400, match: { operation: 'create' } })
      expect(await order('103')).toEqual([502, { error: 'request-invalid' }])
      expect(await read('/orders/103')).toMatchObject([200, { status: 'sending' }])

      expect(await order('103')).toMatchObject([201, { order_no: '103' }])
      await expectStatus('103', 'sent')
    })

    it('refuses a forged webhook with 401, and an order without a number with 400', async () => {
      await order('104')
      await expectStatus('104', 'sent')
      const object = { order_no: '104' }
      const forged = signDelivery(
        eventFixture('red_envelope.received', { object }),
        createTestKeys(),
      )
      const { status } = await fetch(`${shop?.url}/webhooks`, forged.init())

      expect(status).toBe(401)
      await expectStatus('104', 'sent')
      expect(await order('one')).toMatchObject([400, {}])
    })

    it('ends on SIGTERM', async () => {
      expect(await shop?.stop('SIGTERM')).toEqual(ends)
    })

    it.each(isDurable ? ['104'] : [])(
      'finds after a restart that the envelope of order %s was refunded, which has no webhook',
      async (orderNo) => {
        sandbox.move(orderNo, 'refunding')
        sandbox.move(orderNo, 'refund')
        shop = await start(variables)
        await expectStatus(orderNo, 'refund')
      },
    )

    function order(orderNo: string): Promise<[number, unknown]> {
      return read('/orders', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ orderNo, openid: OPENID }),
      })
    }

    async function expectStatus(orderNo: string, status: string): Promise<void> {
      await vi.waitFor(async () => {
        const [, found] = await read(`/orders/${orderNo}`)
        expect(found).toMatchObject({ order_no: orderNo, status })
      }, PATIENCE_MS)
    }

    async function read(path: string, init?: RequestInit): Promise<[number, unknown]> {
      const response = await fetch(`${shop?.url}${path}`, init)
      return [response.status, await response.json()]
    }
  })
}

const OPENID = 'o9zpMs7Xk9e9aJbTXgufovuWGp7c'

/** Where the scripts of a shop's package.json run. */
export interface ScriptOptions {
  /** Default: its folder in `examples`. */
  readonly folder?: string
  /** The programs that scripts start, but Node: their names, and their files. */
  readonly programs?: Variables
}

/** Starts scripts of a shop's package.json as a platform does, without npm and a shell: the app, then the others. */
export async function startScripts(
  name: string,
  [app = '', ...others]: readonly string[],
  variables: Variables,
  options: ScriptOptions = {},
): Promise<RunningShop> {
  const url = `http://127.0.0.1:${variables['PORT']}`
  const first = startScript(name, app, variables, options)
  await Promise.race([
    vi.waitFor(() => fetch(`${url}/health`, { headers: { connection: 'close' } }), PATIENCE_MS),
    first.exited.then(([status]) => {
      throw new Error(`The example ${name} ended with ${String(status)} at its start.`)
    }),
  ])
  const programs = [first, ...others.map((each) => startScript(name, each, variables, options))]
  return {
    url,
    stop(signal) {
      for (const { child } of programs) child.kill(signal)
      return Promise.all(programs.map(({ exited }) => exited))
    },
  }
}

/** Runs a script of a shop's package.json, such as its build, to its end. */
export async function runScript(
  name: string,
  script: string,
  variables: Variables,
  options: ScriptOptions,
): Promise<void> {
  const { child, exited } = startScript(name, script, variables, options)
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [status] = await exited
  if (status === 0) return
  throw new Error(`The script ${script} of ${name} ended with ${String(status)}:\n${output}`)
}

function startScript(
  name: string,
  script: string,
  variables: Variables,
  { folder = join(EXAMPLES, name), programs = {} }: ScriptOptions = {},
): { readonly child: ChildProcess; readonly exited: Promise<readonly unknown[]> } {
  const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    scripts: Variables
  }
  const [program = '', ...args] = scripts[script]?.split(' ') ?? []
  const file = program === 'node' ? [] : [programs[program] ?? `no program ${program}`]
  const child = spawn(process.execPath, [...file, ...args], {
    cwd: folder,
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.resume()
  return { child, exited: once(child, 'exit') }
}
