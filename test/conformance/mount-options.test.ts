import { createWebhooks, type Receiver } from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'
import { lambdaWebhooks } from '@hongbao/core/lambda'
import { nodeWebhooks } from '@hongbao/core/node'
import { createTestKeys } from '@hongbao/core/testing'
import { expressWebhooks } from '@hongbao/express'
import { fastifyWebhooks } from '@hongbao/fastify'
import { honoWebhooks } from '@hongbao/hono'
import { koaWebhooks } from '@hongbao/koa'
import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'

const webhooks = createWebhooks({ publicKey: createTestKeys().publicKey, logger: false })

/** How each adapter is mounted, and the options that it has. */
const MOUNTS: readonly [name: string, mount: Mount, options: string][] = [
  ['nodeWebhooks', nodeWebhooks, 'path'],
  ['fetchWebhooks', fetchWebhooks, 'path, waitUntil'],
  ['lambdaWebhooks', lambdaWebhooks, 'path'],
  ['expressWebhooks', expressWebhooks, 'path'],
  ['koaWebhooks', koaWebhooks, 'path'],
  ['honoWebhooks', honoWebhooks, 'path, waitUntil'],
  ['fastifyWebhooks', fastify, 'webhooks, path, prefix, logLevel, logSerializers'],
]

type Mount = (receiver: Receiver, options?: object) => unknown

/** A plugin is checked when the app loads it. */
async function fastify(receiver: Receiver, options?: object): Promise<void> {
  const app = Fastify()
  app.register(fastifyWebhooks, { webhooks: receiver, ...options })
  try {
    await app.ready()
  } finally {
    await app.close()
  }
}

async function refusalOf(mount: Mount, receiver: unknown, options?: object): Promise<unknown> {
  try {
    await mount(receiver as Receiver, options)
  } catch (error) {
    return error
  }
  return 'accepted'
}

describe.each(MOUNTS)('%s', (name, mount, names) => {
  it.each([undefined, null, {}, createWebhooks])(
    'is refused at start-up without a receiver: %s [G15]',
    async (none) => {
      expect(await refusalOf(mount, none)).toMatchObject({
        name: 'OptionError',
        code: 'option-invalid',
        message: `\`${name}\` expects the receiver that \`createWebhooks()\` returned.`,
      })
    },
  )

  it('refuses an unknown option at start-up, with the list of valid ones [G16]', async () => {
    const error = await refusalOf(mount, webhooks, { pathname: '/webhooks' })
    expect(error).toMatchObject({
      name: 'OptionError',
      code: 'option-invalid',
      message: expect.stringMatching(/pathname/),
    })
    expect(String(error)).toContain(`: ${names}.`)
  })

  it('is accepted with a receiver and no options [G15]', async () => {
    expect(await refusalOf(mount, webhooks)).toBe('accepted')
  })
})

describe.each([
  ['fetchWebhooks', fetchWebhooks],
  ['honoWebhooks', honoWebhooks],
] as [string, Mount][])('%s', (_name, mount) => {
  it('refuses a `waitUntil` that is no function [G16]', async () => {
    expect(await refusalOf(mount, webhooks, { waitUntil: Promise.resolve() })).toMatchObject({
      message: '`waitUntil` must be a function.',
    })
  })
})

describe('the options of an adapter', () => {
  it.each([
    ['expressWebhooks', expressWebhooks],
    ['honoWebhooks', honoWebhooks],
  ] as [string, Mount][])(
    'of %s are an object: a bare path is refused [G16]',
    async (name, mount) => {
      expect(await refusalOf(mount, webhooks, '/webhooks' as never)).toMatchObject({
        message: `\`${name}\` expects an object of options.`,
      })
    },
  )
})

describe('the handler of fetchWebhooks', () => {
  const hook = fetchWebhooks(webhooks)
  const request = new Request('http://localhost/webhooks', { method: 'POST' })

  it.each([
    ['the event of SvelteKit', { request, params: {} }, /\(\{ request \}\) => hook\(request\)/],
    [
      'a request of Node.js, as in the pages router of Next.js',
      { url: '/webhooks', method: 'POST', headers: { host: 'localhost' } },
      /use `nodeWebhooks`/,
    ],
    ['nothing', undefined, /expects a `Request`/],
  ])('refuses %s and says what to pass [G17]', async (_name, argument, advice) => {
    const answered = hook(argument as never)
    await expect(answered).rejects.toMatchObject({ name: 'OptionError', code: 'option-invalid' })
    await expect(answered).rejects.toThrow(advice)
  })
})
