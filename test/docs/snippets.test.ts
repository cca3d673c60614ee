import { eventKey, type Reply, type WebhookEvent, type Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { orders } from './host/orders.ts'
import type { telemetry } from './host/telemetry.ts'
import { codeBlocks } from './markdown.ts'
import {
  createWorkspace,
  readDocument,
  removeWorkspaces,
  ROOT,
  SNIPPETS,
  testedIn,
} from './snippets.ts'

const keys = createTestKeys()

afterAll(removeWorkspaces)

describe('every snippet', () => {
  it('has a name of its own', () => {
    const names = SNIPPETS.map(({ name }) => name)
    expect(names).toEqual([...new Set(names)])
  })

  it('is run by a test', () => {
    expect(SNIPPETS.filter(({ name }) => testedIn(name) === undefined)).toEqual([])
  })

  it('has the right types, those of the packages’ own READMEs too', () => {
    const { directory } = createWorkspace()
    for (const [index, code] of packageSnippets().entries()) {
      writeFileSync(join(directory, `package-${index}.ts`), code)
      // The next snippet of its README imports it.
      if (code.includes('function rabbitQueue')) {
        writeFileSync(join(directory, 'rabbit-queue.ts'), code)
      }
    }
    // What a reader's project need not have: declarations of its own, and `env['NAME']`.
    const compilerOptions = {
      declaration: false,
      isolatedDeclarations: false,
      noPropertyAccessFromIndexSignature: false,
    }
    const base = '../../../tsconfig.base.json'
    const settings = { extends: base, compilerOptions, include: ['./*.ts'] }
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(settings))
    const { stdout, status } = spawnSync(
      join(ROOT, 'node_modules/.bin/tsc'),
      ['-p', join(directory, 'tsconfig.json')],
      { encoding: 'utf8' },
    )
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
  })
})

describe('the tests of docs/testing.md', async () => {
  beforeAll(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}))
  afterAll(() => void vi.restoreAllMocks())

  // It registers its tests, and its key, which the app reads when they run.
  await createWorkspace().import('webhooks.test.ts')
})

describe('the snippet', () => {
  beforeAll(() => {
    vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
    vi.spyOn(console, 'error').mockImplementation(() => {})
  })
  afterAll(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  it('handlers.ts runs the handlers of a type, of a list, of an unlisted type, and of all types', async () => {
    const workspace = createWorkspace()
    await workspace.import('handlers.ts')
    const { webhooks } = await workspace.import<{ webhooks: Webhooks }>('webhooks.ts')
    const { orders: book } = await workspace.import<{ orders: typeof orders }>('orders.ts')

    const charge = eventFixture('charge.succeeded', { object: { order_no: 'paid', amount: 990 } })
    await book.insert('paid', { amount: 990 })
    expect(await webhooks.dispatch(charge, { source: 'poll' })).toEqual({ outcome: 'handled' })
    expect(book.find('paid')).toEqual({ status: 'paid', detail: 990 })
    expect(book.notes).toEqual([['charge.succeeded', `poll ${eventKey(charge)}`]])

    const { created, livemode } = charge
    const example = { id: 'evt_1', type: 'example.created', created, livemode }
    const text = JSON.stringify({ ...example, data: { object: { id: 'example_1' } } })
    expect(await webhooks.handle(signDelivery(text, keys).delivery())).toMatchObject({
      status: 200,
    })
    expect(book.notes.slice(1)).toEqual([
      ['example', 'example_1'],
      ['example.created', 'webhook -:live:evt_1'],
    ])

    const object = { order_no: '9' }
    for (const event of [
      eventFixture('red_envelope.failed', { object }),
      eventFixture('red_envelope.refund', { object }),
    ]) {
      expect(await webhooks.dispatch(event)).toEqual({ outcome: 'handled' })
      expect(book.notes.slice(-2)).toEqual([
        [event.type, '9'],
        [event.type, `dispatch ${eventKey(event)}`],
      ])
    }
  })

  it('keys.ts reads two files', () => {
    const { directory } = createWorkspace()
    const run = () => spawnSync(process.execPath, ['keys.ts'], { cwd: directory, encoding: 'utf8' })
    mkdirSync(join(directory, 'keys'))
    writeFileSync(join(directory, 'keys/pingpp-new.pem'), keys.publicKey)
    expect(run().stderr).toContain('key-unreadable')
    writeFileSync(join(directory, 'keys/pingpp-old.pem'), createTestKeys().publicKey)
    expect(run()).toMatchObject({ status: 0 })
  })

  it('key-service.ts reads the key at the first delivery', async () => {
    vi.stubEnv('PINGPP_PUBLIC_KEY', '')
    const { webhooks } = await createWorkspace().import<{ webhooks: Webhooks }>('key-service.ts')
    webhooks.on('*', () => {})
    vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
    const delivery = signDelivery(eventFixture('red_envelope.sent'), keys).delivery()
    expect(await webhooks.handle(delivery)).toMatchObject({ outcome: 'handled' })
  })

  it('strict.ts refuses other apps, test events, and other times', async () => {
    const { webhooks } = await createWorkspace().import<{ webhooks: Webhooks }>('strict.ts')
    webhooks.on('*', () => {})
    const outcomeOf = async (event: WebhookEvent<'red_envelope.sent'>) =>
      nameOf(await webhooks.handle(signDelivery(event, keys).delivery()))
    const outcomeAt = (hours: number, seconds: number) => {
      const created = Math.floor(Date.now() / 1000) + hours * 3600 + seconds
      return outcomeOf(eventFixture('red_envelope.sent', { created }))
    }
    const ofAnotherApp = eventFixture('red_envelope.sent', { object: { app: 'app_2' } })
    const ofTestMode = eventFixture('red_envelope.sent', { livemode: false })

    expect(await outcomeOf(eventFixture('red_envelope.sent'))).toBe('handled')
    expect(await outcomeOf(ofAnotherApp)).toBe('app-mismatch')
    expect(await outcomeOf(ofTestMode)).toBe('mode-mismatch')
    expect(await outcomeAt(-47, 60)).toBe('handled')
    expect(await outcomeAt(-47, -60)).toBe('event-too-old')
    expect(await outcomeAt(1, -60)).toBe('handled')
    expect(await outcomeAt(1, 60)).toBe('event-from-future')
  })

  it('observed.ts counts every delivery, and passes on the errors of handlers', async () => {
    const workspace = createWorkspace()
    const { webhooks } = await workspace.import<{ webhooks: Webhooks }>('observed.ts')
    const { telemetry: seen } = await workspace.import<{ telemetry: typeof telemetry }>(
      'telemetry.ts',
    )
    const broken = new Error('the database is away')
    webhooks.on('red_envelope.sent', () => {})
    webhooks.on('red_envelope.received', () => {
      throw broken
    })
    await webhooks.handle(signDelivery(eventFixture('red_envelope.sent'), keys).delivery())
    await webhooks.handle(signDelivery(eventFixture('red_envelope.received'), keys).delivery())

    expect(seen.counted).toEqual([
      { kind: 'delivery', outcome: 'handled', code: '' },
      { kind: 'delivery', outcome: 'failed', code: 'handler-failed' },
    ])
    expect(seen.observed).toEqual([expect.any(Number), expect.any(Number)])
    expect(seen.captured).toEqual([broken])
  })
})

function nameOf(reply: Reply): string {
  return 'code' in reply ? reply.code : reply.outcome
}

/** The snippets of the READMEs of packages, which have no names, and take `orders` from nowhere. */
function packageSnippets(): string[] {
  return globSync('packages/*/README.md', { cwd: ROOT })
    .flatMap((path) => codeBlocks(readDocument(path)))
    .filter(({ language }) => language === 'ts')
    .map(({ text }) =>
      text.includes('orders.') ? `import { orders } from './orders.ts'\n${text}` : text,
    )
}
