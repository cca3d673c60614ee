import type { Webhooks, WebhooksOptions } from '@hongbao/core'
import {
  createTestKeys,
  eventFixture,
  signDelivery,
  type SignedDelivery,
} from '@hongbao/core/testing'
import type * as NestCommon from '@nestjs/common'
import type * as NestCore from '@nestjs/core'
import type * as NestExpress from '@nestjs/platform-express'
import type * as NestFastify from '@nestjs/platform-fastify'
import type * as NestTesting from '@nestjs/testing'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type * as HongbaoNest from '../../../packages/nest/src/index.ts'
import { writeDocuments } from './documents.ts'
import { createProject, type Project } from './project.ts'

type Platform = 'Express' | 'Fastify'
type App = NestCommon.INestApplication
type ModuleClass = new () => object
type Root = NestCommon.DynamicModule | ModuleClass

/** What the tests read of the providers in `app`. */
interface Orders {
  readonly applied: string[]
  failing: string | null
}
interface SlowHandlers {
  readonly start: { readonly opened: Promise<void> }
  readonly end: { open(): void }
  readonly applied: number
}

const PLATFORMS = ['Express', 'Fastify'] as const
const keys = createTestKeys()

/**
 * The tests of `@hongbao/nest` with the NestJS of an integration.
 *
 * @param home the folder of the integration, with its `node_modules`
 * @param type the module system of the project that is tested
 */
export function testNest(home: string, type: 'commonjs' | 'module'): void {
  let project: Project
  const apps: App[] = []

  beforeAll(async () => {
    process.env['PINGPP_PUBLIC_KEY'] = keys.publicKey
    project = await createProject(home, type)
    await writeDocuments(project)
    expect(await project.compile()).toEqual([])
  })

  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close()
  })

  afterAll(async () => {
    await rm(project.folder, { recursive: true, force: true })
  })

  const hongbao = () => project.load('@hongbao/nest') as typeof HongbaoNest
  const core = () => project.load('@nestjs/core') as typeof NestCore
  const WEBHOOKS = Symbol.for('hongbao.nest.webhooks')
  const SETTINGS = { logger: false, abortOnError: false } as const

  /** A class of a compiled file of `app`. */
  function classOf(file: string, name: string): ModuleClass {
    return (project.load(`./${file}.js`) as Record<string, ModuleClass>)[name] as ModuleClass
  }

  function ordersOf(app: NestCommon.INestApplicationContext): Orders {
    return app.get<Orders>(classOf('orders', 'Orders'))
  }

  /** A root module with `HongbaoModule.forRoot`, and some more. */
  function rootOf(options: Partial<HongbaoNest.HongbaoModuleOptions>, ...more: Root[]): Root {
    const { HongbaoModule } = hongbao()
    return {
      module: classOf('app.module', 'RootModule'),
      imports: [HongbaoModule.forRoot({ publicKey: keys.publicKey, ...options }), ...more],
    }
  }

  async function create(
    root: Root,
    platform: Platform | NestCore.AbstractHttpAdapter = 'Express',
    settings: NestCommon.NestApplicationOptions = {},
  ): Promise<App> {
    const adapter = typeof platform === 'string' ? adapterOf(platform) : platform
    const app = await core().NestFactory.create(root, adapter, { ...SETTINGS, ...settings })
    apps.push(app)
    return app
  }

  function adapterOf(platform: Platform): NestCore.AbstractHttpAdapter {
    if (platform === 'Express') {
      return new (project.load('@nestjs/platform-express') as typeof NestExpress).ExpressAdapter()
    }
    return new (project.load('@nestjs/platform-fastify') as typeof NestFastify).FastifyAdapter()
  }

  /** Listens, and returns the address. */
  async function open(app: App): Promise<string> {
    await app.listen(0, '127.0.0.1')
    return app.getUrl()
  }

  const APPLIED_SENT = ['sent 88', 'audit 88', 'any red_envelope.sent']

  function sent(): SignedDelivery {
    return signDelivery(eventFixture('red_envelope.sent', { object: { order_no: '88' } }), keys)
  }

  describe.each(PLATFORMS)('HongbaoModule on %s', (platform) => {
    describe.each([false, true])('with rawBody: %s', (rawBody) => {
      it('applies a signed event once, by every handler, and answers 200 [G26]', async () => {
        const app = await create(classOf('app.module', 'AppModule'), platform, { rawBody })
        const url = await open(app)
        const signed = sent()
        expect(await answer(url, signed)).toEqual([200, '{"outcome":"handled"}'])
        expect(await answer(url, signed)).toEqual([200, '{"outcome":"duplicate"}'])
        // Neither a guard, nor an interceptor, a pipe, a filter, or a middleware of the app.
        expect(ordersOf(app).applied.toSorted()).toEqual(APPLIED_SENT.toSorted())
      })

      it('answers 401 to a forgery', async () => {
        const url = await open(
          await create(classOf('app.module', 'AppModule'), platform, { rawBody }),
        )
        const forged = signDelivery(eventFixture('red_envelope.sent'), createTestKeys())
        expect(await answer(url, forged)).toEqual([
          401,
          '{"outcome":"rejected","code":"signature-mismatch"}',
        ])
      })

      it('leaves the parsers of other routes as they are', async () => {
        const url = await open(
          await create(classOf('app.module', 'AppModule'), platform, { rawBody }),
        )
        const reply = await fetch(`${url}/echo`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"amount":888}',
        })
        expect([reply.status, await reply.json()]).toEqual([201, { amount: 888 }])
      })
    })

    it('accepts bodies above the limit of the parsers of Nest', async () => {
      const url = await open(await create(classOf('app.module', 'AppModule'), platform))
      const object = { order_no: '88', body: '红'.repeat(80_000) }
      const signed = signDelivery(eventFixture('red_envelope.sent', { object }), keys)
      expect(await answer(url, signed)).toEqual([200, '{"outcome":"handled"}'])
    })

    it('refuses a body over its own limit with 413, and goes on', async () => {
      const url = await open(await create(classOf('app.module', 'AppModule'), platform))
      const large = signDelivery(' '.repeat(300_000), keys)
      expect(await answer(url, large)).toEqual([
        413,
        '{"outcome":"rejected","code":"body-too-large"}',
      ])
      expect(await answer(url, sent())).toEqual([200, '{"outcome":"handled"}'])
    })

    it('accepts any content type, and a path with a query', async () => {
      const url = await open(await create(classOf('app.module', 'AppModule'), platform))
      const { headers, ...init } = sent().init()
      const reply = await fetch(`${url}/webhooks?from=pingpp`, {
        ...init,
        headers: { ...headers, 'content-type': 'text/xml' },
      })
      expect(reply.status).toBe(200)
    })

    it('answers at the exact path only, whatever prefix and versions the app has', async () => {
      const app = await create(
        rootOf({ path: '/hooks/pingpp' }, classOf('handlers', 'OrdersModule')),
        platform,
      )
      const { VersioningType } = project.load('@nestjs/common') as typeof NestCommon
      app.setGlobalPrefix('api')
      app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' })
      const url = await open(app)
      const statuses = await Promise.all(
        [
          '/hooks/pingpp',
          '/api/hooks/pingpp',
          '/api/v1/hooks/pingpp',
          '/hooks/pingpp/',
          '/webhooks',
        ].map(async (path) => (await fetch(url + path, sent().init())).status),
      )
      expect(statuses).toEqual([200, 404, 404, 404, 404])
      expect((await fetch(`${url}/api/v1/health`)).status).toBe(200)
    })

    it('answers 405 to a GET', async () => {
      const url = await open(await create(rootOf({}), platform))
      const reply = await fetch(`${url}/webhooks`)
      expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'POST'])
    })

    it('answers 500 if the method of a provider throws, and applies the next delivery', async () => {
      const app = await create(rootOf({}, classOf('handlers', 'OrdersModule')), platform)
      const url = await open(app)
      const signed = sent()
      ordersOf(app).failing = '88'
      expect(await answer(url, signed)).toEqual([
        500,
        '{"outcome":"failed","code":"handler-failed"}',
      ])
      ordersOf(app).failing = null
      expect(await answer(url, signed)).toEqual([200, '{"outcome":"handled"}'])
      expect(ordersOf(app).applied).toEqual(APPLIED_SENT)
    })

    it('is mounted by `createNestApplication` of a testing module', async () => {
      const { Test } = project.load('@nestjs/testing') as typeof NestTesting
      const { createWebhooks } = project.load('@hongbao/core') as {
        readonly createWebhooks: (options: WebhooksOptions) => Webhooks
      }
      const otherKeys = createTestKeys()
      const tested = await Test.createTestingModule({
        imports: [classOf('app.module', 'AppModule')],
      })
        .overrideProvider(WEBHOOKS)
        .useValue(createWebhooks({ publicKey: otherKeys.publicKey, logger: false }))
        .compile()
      const app = tested.createNestApplication(adapterOf(platform), { logger: false })
      apps.push(app)
      const url = await open(app)
      const event = eventFixture('red_envelope.sent', { object: { order_no: '88' } })
      expect(await answer(url, signDelivery(event, otherKeys))).toEqual([
        200,
        '{"outcome":"handled"}',
      ])
      expect(ordersOf(app).applied.toSorted()).toEqual(APPLIED_SENT.toSorted())
    })

    it('lets running handlers end before the providers that they need, at app.close() [F36]', async () => {
      const app = await create(rootOf({}, classOf('resources', 'ResourcesModule')), platform)
      const url = await open(app)
      const handlers = app.get<SlowHandlers>(classOf('resources', 'SlowHandlers'))
      const answered = answer(url, sent())
      await handlers.start.opened
      const closed = app.close()
      expect(await answer(url, sent())).toEqual([
        500,
        '{"outcome":"failed","code":"shutting-down"}',
      ])
      handlers.end.open()
      expect(await answered).toEqual([200, '{"outcome":"handled"}'])
      await closed
      expect(handlers.applied).toBe(1)
    })
  })

  it('HongbaoModule on Fastify needs no middleware plugin: `skipMiddie`', async () => {
    const { FastifyAdapter } = project.load('@nestjs/platform-fastify') as typeof NestFastify
    const app = await create(rootOf({}), new FastifyAdapter({ skipMiddie: true }))
    expect(await answer(await open(app), sent())).toEqual([200, '{"outcome":"unhandled"}'])
  })

  it('HongbaoModule accepts no event before app.init() has registered the handlers [G28]', async () => {
    const { default: express } = await import('express')
    const { ExpressAdapter } = project.load('@nestjs/platform-express') as typeof NestExpress
    const server = express()
    const adapter = new ExpressAdapter(server)
    const app = await create(rootOf({}, classOf('handlers', 'OrdersModule')), adapter)
    const listener = server.listen(0, '127.0.0.1')
    try {
      await once(listener, 'listening')
      const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
      expect(await answer(url, sent())).toEqual([404, expect.any(String)])
      await app.init()
      expect(await answer(url, sent())).toEqual([200, '{"outcome":"handled"}'])
      expect(ordersOf(app).applied).toEqual(APPLIED_SENT)
    } finally {
      listener.close()
    }
  })

  it('HongbaoModule names what to change if a parser of the app was first [G26]', async () => {
    const { default: express } = await import('express')
    const { ExpressAdapter } = project.load('@nestjs/platform-express') as typeof NestExpress
    const server = express().use(express.json())
    const lines: string[] = []
    const logger = {
      warn: (line: string) => lines.push(line),
      error: (line: string) => lines.push(line),
    }
    const url = await open(await create(rootOf({ logger }), new ExpressAdapter(server)))
    expect(await answer(url, sent())).toEqual([500, '{"outcome":"failed","code":"body-consumed"}'])
    expect(lines.join()).toContain('before HongbaoModule')
    expect(lines.join()).toContain('{ rawBody: true }')
  })

  describe('HongbaoModule.forRootAsync', () => {
    it('takes a factory and what it injects', async () => {
      const Config = classOf('config', 'Config')
      const root = asyncRoot({
        imports: [classOf('config', 'ConfigModule')],
        inject: [Config],
        useFactory: async (config: { get(name: string): string }) => ({
          publicKey: config.get('PINGPP_PUBLIC_KEY'),
          path: '/from-a-factory',
        }),
      })
      expect(await statusAt(root, '/from-a-factory')).toBe(200)
    })

    it('takes a class', async () => {
      const root = asyncRoot({ useClass: classOf('config', 'Config') as never })
      expect(await statusAt(root, '/from-a-class')).toBe(200)
    })

    it('takes a provider of another module', async () => {
      const root = asyncRoot({
        imports: [classOf('config', 'ConfigModule')],
        useExisting: classOf('config', 'Config') as never,
      })
      expect(await statusAt(root, '/from-a-class')).toBe(200)
    })

    function asyncRoot(options: HongbaoNest.HongbaoModuleAsyncOptions): Root {
      return {
        module: classOf('app.module', 'RootModule'),
        imports: [hongbao().HongbaoModule.forRootAsync(options)],
      }
    }

    async function statusAt(root: Root, path: string): Promise<number> {
      return (await fetch((await open(await create(root))) + path, sent().init())).status
    }
  })

  describe('HongbaoModule refuses', () => {
    it.each([
      ['an unknown option', { pth: '/x' }, 'Unknown option `pth`. Did you mean `path`?'],
      ['a path that could never match', { path: 'webhooks' }, '`path` must start with "/"'],
      ['a missing key', { publicKey: undefined }, '`publicKey` is empty or not set'],
      ['no options', undefined, '`HongbaoModule` expects an object of options'],
    ])('%s', async (_subject, options, message) => {
      const root = {
        module: classOf('app.module', 'RootModule'),
        imports: [
          hongbao().HongbaoModule.forRoot(
            (options && { publicKey: keys.publicKey, ...options }) as never,
          ),
        ],
      }
      await expect(create(root)).rejects.toThrow(message)
    })

    it.each([
      [
        'a handler that depends on a request-scoped provider',
        'RequestScoped',
        'OfTenant has a method',
      ],
      ['a transient handler', 'TransientScoped', 'Transient has a method'],
    ])('%s', async (_subject, name, message) => {
      const app = await create(rootOf({}, classOf('scoped', name)))
      await expect(app.init()).rejects.toThrow(message)
    })

    it('a class of handlers in two modules, which would apply every event twice [G27]', async () => {
      const app = await create(
        rootOf({}, classOf('handlers', 'OrdersModule'), classOf('scoped', 'SecondModule')),
      )
      await expect(app.init()).rejects.toThrow(
        'OrderHandlers has a method with @OnWebhook and is provided twice, in OrdersModule and in SecondModule',
      )
    })

    it.each(['useClass', 'useFactory', 'useValue'])(
      'a class of handlers that is provided a second time, by %s [G27]',
      async (how) => {
        const OrderAudit = classOf('handlers', 'OrderAudit')
        const instance = new OrderAudit()
        const ways = {
          useClass: OrderAudit,
          useFactory: () => new OrderAudit(),
          useValue: instance,
        }
        const app = await create(
          rootOf(
            {},
            {
              module: classOf('app.module', 'RootModule'),
              imports: [classOf('handlers', 'OrdersModule')],
              providers: [{ provide: 'second', [how]: ways[how as keyof typeof ways] } as never],
            },
          ),
        )
        await expect(app.init()).rejects.toThrow(
          'OrderAudit has a method with @OnWebhook and is provided twice, in ',
        )
      },
    )

    it('a second import [G27]', async () => {
      const second = hongbao().HongbaoModule.forRoot({ publicKey: keys.publicKey, path: '/second' })
      const app = await create(rootOf({}, second))
      await expect(app.init()).rejects.toThrow('`HongbaoModule.forRoot` is imported twice')
    })
  })

  describe('@OnWebhook', () => {
    it('registers every type of a list, and every decorator of a method', async () => {
      const app = await create(rootOf({}, classOf('handlers', 'OrdersModule')))
      await app.init()
      const object = { order_no: '9' }
      for (const event of [
        eventFixture('red_envelope.received', { object }),
        eventFixture('charge.succeeded', { object }),
        eventFixture('charge.failed', { object }),
      ]) {
        expect(await app.get<Webhooks>(WEBHOOKS).dispatch(event)).toEqual({ outcome: 'handled' })
      }
      expect(ordersOf(app).applied).toEqual([
        'received 9',
        'audit 9',
        'any red_envelope.received',
        'charge.succeeded 9',
        'any charge.succeeded',
        'charge.failed 9',
        'any charge.failed',
      ])
    })

    it('registers before providers dispatch events in their own `onModuleInit`', async () => {
      const app = await create(
        rootOf({}, classOf('scoped', 'PollModule'), classOf('handlers', 'OrdersModule')),
      )
      await app.init()
      expect(app.get<{ outcome: string }>('poll').outcome).toBe('handled')
    })

    it('warns of a type that is misspelt in JavaScript, by the logger of Nest', async () => {
      const lines: string[] = []
      const app = await create(misspelt(), 'Express', { logger: collect(lines) })
      await app.init()
      expect(lines.join('\n')).toContain("Did you mean 'red_envelope.sent'?")
      expect(lines.join('\n')).toContain('HongbaoModule')
    })

    it('warns if no handler is found at all', async () => {
      const lines: string[] = []
      const app = await create(rootOf({}), 'Express', { logger: collect(lines) })
      expect(await answer(await open(app), sent())).toEqual([200, '{"outcome":"unhandled"}'])
      expect(lines.join('\n')).toContain('no handlers are registered')
    })

    /** A provider as JavaScript may have it. */
    function misspelt(): Root {
      const Handlers = classOf('orders', 'Orders')
      class Misspelt extends Handlers {}
      const descriptor = { value: () => {} }
      hongbao().OnWebhook('red_envelope.snet' as 'red_envelope.sent')(
        Misspelt.prototype,
        'applied',
        descriptor,
      )
      return rootOf({}, { module: classOf('app.module', 'RootModule'), providers: [Misspelt] })
    }

    function collect(lines: string[]): NestCommon.LoggerService {
      const note = (...texts: unknown[]) => void lines.push(texts.join(' '))
      return { log() {}, warn: note, error: note }
    }
  })

  describe('the receiver of HongbaoModule', () => {
    it('is ready until app.close()', async () => {
      const app = await create(rootOf({}, classOf('handlers', 'OrdersModule')))
      const url = await open(app)
      const status = async () => (await fetch(`${url}/health`)).status
      expect(await status()).toBe(200)
      await app.get<Webhooks>(WEBHOOKS).close()
      expect(await status()).toBe(503)
    })

    it('applies events in an application context without HTTP, and closes with it', async () => {
      const context = await core().NestFactory.createApplicationContext(
        rootOf({}, classOf('handlers', 'OrdersModule')),
        SETTINGS,
      )
      const webhooks = context.get<Webhooks>(WEBHOOKS)
      const event = eventFixture('red_envelope.sent', { object: { order_no: '88' } })
      expect(await webhooks.dispatch(event)).toEqual({ outcome: 'handled' })
      expect(ordersOf(context).applied.toSorted()).toEqual(APPLIED_SENT.toSorted())
      await context.close()
      await expect(webhooks.ready()).rejects.toMatchObject({ code: 'shutting-down' })
    })
  })

  describe('the app of docs/mounting.md', () => {
    it('runs by node, applies a signed event, and ends at SIGTERM', async () => {
      const port = await freePort()
      const main = spawn(process.execPath, ['dist/mounting/main.js'], {
        cwd: project.folder,
        env: { ...process.env, PORT: String(port) },
      })
      try {
        const ended = once(main, 'exit')
        let printed = ''
        main.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
        const url = `http://127.0.0.1:${port}`
        await expect.poll(() => fetch(url).then(({ status }) => status, String)).toBe(404)
        expect(await answer(url, sent())).toEqual([200, '{"outcome":"handled"}'])
        main.kill('SIGTERM')
        expect(await ended).toEqual([null, 'SIGTERM'])
        expect(printed).toContain('88 is sent.')
      } finally {
        main.kill('SIGKILL')
      }
    })
  })

  describe('the snippets of packages/nest/README.md', () => {
    it('are an app with a health check', async () => {
      const url = await open(await create(classOf('readme/app.module', 'AppModule')))
      const logged = vi.spyOn(console, 'log').mockImplementation(() => {})
      expect(await answer(url, sent())).toEqual([200, '{"outcome":"handled"}'])
      expect(logged.mock.calls).toEqual([['88 is sent.']])
      logged.mockRestore()
      expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok' })
    })

    it('read the key from ConfigService', async () => {
      const url = await open(await create(classOf('readme/config.module', 'AppModule')))
      expect(await answer(url, sent())).toEqual([200, '{"outcome":"unhandled"}'])
    })

    it('test an app', async () => {
      const tests: (() => Promise<void>)[] = []
      vi.stubGlobal('it', (_name: string, test: () => Promise<void>) => tests.push(test))
      project.load('./readme/app.test.js')
      vi.unstubAllGlobals()
      const logged = vi.spyOn(console, 'log').mockImplementation(() => {})
      expect(tests).toHaveLength(1)
      for (const test of tests) await test()
      expect(logged.mock.calls.flat().join()).toContain('is sent.')
      logged.mockRestore()
    })
  })

  // The last, because the project does not compile after it.
  it('@OnWebhook and forRoot name mistakes when the app is compiled', async () => {
    const code = await readFile(join(import.meta.dirname, 'app/refused.ts'), 'utf8')
    await project.write('refused.ts', code)
    const printed = (await project.compile())
      .join('\n')
      .split(/^src\/refused\.ts\((\d+),/m)
      .slice(1)
    const errors = printed.filter((_text, at) => at % 2 === 1)
    const mistakes = [...code.matchAll(/^ *\/\/ error: (.*)\n/gm)]
    expect(mistakes.length).toBeGreaterThan(5)
    expect(printed.filter((_line, at) => at % 2 === 0)).toEqual(
      mistakes.map(({ index }) => String(code.slice(0, index).split('\n').length + 1)),
    )
    for (const [at, [, text]] of mistakes.entries()) expect(errors[at]).toContain(text)
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Delivers, and returns the status and the body of the answer. */
async function answer(url: string, signed: SignedDelivery): Promise<[number, string]> {
  const reply = await fetch(`${url}/webhooks`, signed.init())
  return [reply.status, await reply.text()]
}
