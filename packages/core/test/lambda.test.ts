import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { createWebhooks, type WebhookReport, type WebhooksOptions } from '../src/index.ts'
import { lambdaWebhooks, type LambdaHandler } from '../src/lambda.ts'
import { createTestKeys, eventFixture, signDelivery, type SignedDelivery } from '../src/testing.ts'

const keys = createTestKeys()
const SIGNATURE = 'x-pingplusplus-signature'
const HANDLED = { statusCode: 200, body: '{"outcome":"handled"}', isBase64Encoded: false }

type Event = Readonly<Record<string, unknown>>

/** An event as the platform's documentation shows it, without a body and a signature. */
interface Platform {
  readonly name: string
  readonly file: string
  /** How the platform writes names of headers. */
  readonly signatureName?: string
}

const PLATFORMS: readonly Platform[] = [
  {
    // docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    name: 'API Gateway, REST (payload 1.0)',
    file: 'api-gateway-v1',
    signatureName: 'X-Pingplusplus-Signature',
  },
  {
    // docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    name: 'API Gateway, HTTP (payload 2.0)',
    file: 'api-gateway-v2',
  },
  {
    // docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    name: 'a Lambda function URL',
    file: 'function-url',
  },
  {
    // docs.aws.amazon.com/lambda/latest/dg/services-alb.html
    name: 'an Application Load Balancer',
    file: 'balancer',
  },
  {
    // docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#multi-value-headers
    name: 'an Application Load Balancer with multi-value headers',
    file: 'balancer-multi-value',
  },
  {
    // help.aliyun.com/zh/functioncompute/fc-3-0/user-guide/http-trigger-invoking-function
    name: 'Function Compute 3.0',
    file: 'function-compute',
    signatureName: 'X-Pingplusplus-Signature',
  },
  {
    // cloud.tencent.com/document/product/583/31927
    name: 'API Gateway of Tencent Cloud',
    file: 'scf-api-gateway',
    signatureName: 'X-PingPlusPlus-Signature',
  },
  {
    // cloud.tencent.com/document/product/583/96099
    name: 'an SCF function URL',
    file: 'scf-function-url',
  },
]

function eventOf(file: string): Event {
  return JSON.parse(readFileSync(new URL(`lambda-events/${file}.json`, import.meta.url), 'utf8'))
}

/** The event of a delivery on a platform; as base64, or as text. */
function carry(
  { file, signatureName = SIGNATURE }: Platform,
  { bytes, headers }: SignedDelivery,
  isBase64Encoded: boolean,
): Event {
  const event = eventOf(file)
  const signature = headers[SIGNATURE]
  const body = Buffer.from(bytes).toString(isBase64Encoded ? 'base64' : 'utf8')
  return {
    ...event,
    ...added(event, 'headers', { [signatureName]: signature }),
    ...added(event, 'multiValueHeaders', { [signatureName]: [signature] }),
    body,
    isBase64Encoded,
  }
}

/** Adds headers to a list that the event has, and to none that it has not. */
function added(event: Event, list: string, headers: Event): Event {
  return list in event ? { [list]: { ...(event[list] as Event), ...headers } } : {}
}

function open(options: Partial<WebhooksOptions> = {}) {
  const reports: WebhookReport[] = []
  const applied: string[] = []
  const webhooks = createWebhooks({
    publicKey: keys.publicKey,
    logger: false,
    onReport: (report) => void reports.push(report),
    ...options,
  }).on('red_envelope.sent', ({ data: { object } }) => void applied.push(object.subject))
  return { webhooks, reports, applied, handler: lambdaWebhooks(webhooks) }
}

function envelope(subject = '恭喜发财 🧧'): SignedDelivery {
  return signDelivery(eventFixture('red_envelope.sent', { object: { subject } }), keys)
}

const [REST, HTTP] = PLATFORMS as [Platform, Platform]

describe.each(PLATFORMS)('a webhook that comes through $name', (platform) => {
  it.each([
    ['text', false],
    ['base64', true],
  ])('is verified over its exact bytes and applied once, its body as %s', async (_, isBase64) => {
    const { handler, applied } = open()
    const event = carry(platform, envelope(), isBase64)
    expect(await handler(event)).toMatchObject(HANDLED)
    expect(await handler(event)).toMatchObject({ statusCode: 200, body: '{"outcome":"duplicate"}' })
    expect(applied).toEqual(['恭喜发财 🧧'])
  })

  it('is answered 401 if it was signed by another key', async () => {
    const { handler, applied } = open()
    const forged = signDelivery(eventFixture('red_envelope.sent'), createTestKeys())
    expect(await handler(carry(platform, forged, true))).toMatchObject({
      statusCode: 401,
      body: '{"outcome":"rejected","code":"signature-mismatch"}',
    })
    expect(applied).toEqual([])
  })

  it('is answered 401 without a signature, and with two', async () => {
    const { handler } = open()
    expect(await handler(eventOf(platform.file))).toMatchObject({
      body: '{"outcome":"rejected","code":"signature-missing"}',
    })
    const event = carry(platform, envelope(), false)
    const twice = { [SIGNATURE.toUpperCase()]: 'AAAA' }
    const both = {
      ...event,
      ...added(event, 'headers', twice),
      ...added(event, 'multiValueHeaders', twice),
    }
    expect(await handler(both)).toMatchObject({
      statusCode: 401,
      body: '{"outcome":"rejected","code":"signature-malformed"}',
    })
  })

  it('is answered 405 if it is a GET, with the methods that are allowed', async () => {
    const event = carry(platform, envelope(), false)
    const { http, ...rest } = (event['requestContext'] ?? {}) as Event
    const requestContext = {
      ...rest,
      ...(http === undefined ? {} : { http: { ...(http as Event), method: 'GET' } }),
    }
    const get = {
      ...event,
      requestContext,
      ...('httpMethod' in event ? { httpMethod: 'GET' } : {}),
    }
    expect(await open().handler(get)).toMatchObject({ statusCode: 405, headers: { allow: 'POST' } })
  })

  it('is answered only at the `path` of the mount, whatever stage comes before it', async () => {
    const { webhooks } = open()
    const event = carry(platform, envelope(), false)
    const other = lambdaWebhooks(webhooks, { path: '/other' })
    expect(await other(event)).toMatchObject({
      statusCode: 404,
      body: '{"outcome":"rejected","code":"path-mismatch"}',
    })
    expect(await lambdaWebhooks(webhooks, { path: '/webhooks' })(event)).toMatchObject(HANDLED)
  })
})

describe('the result of a Lambda function', () => {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }

  it('has what API Gateway expects, and leaves the length to the platform', async () => {
    expect(await open().handler(carry(REST, envelope(), false))).toEqual({ ...HANDLED, headers })
  })

  it('has a `statusDescription` for an Application Load Balancer', async () => {
    const { handler } = open()
    expect(await handler(carry(named('balancer'), envelope(), false))).toEqual({
      ...HANDLED,
      headers,
      statusDescription: '200 OK',
    })
    expect(await handler(eventOf('balancer'))).toMatchObject({
      statusDescription: '401 Unauthorized',
    })
  })

  it('has `multiValueHeaders` for a target group that has them', async () => {
    const event = carry(named('balancer-multi-value'), envelope(), false)
    expect(await open().handler(event)).toMatchObject({
      statusDescription: '200 OK',
      multiValueHeaders: {
        'content-type': ['application/json; charset=utf-8'],
        'cache-control': ['no-store'],
      },
    })
  })
})

describe('the event of a Lambda function', () => {
  it('may be the JSON itself, as Function Compute passes it', async () => {
    const event = carry(named('function-compute'), envelope(), true)
    expect(await open().handler(Buffer.from(JSON.stringify(event)))).toMatchObject(HANDLED)
  })

  it('may say `isBase64Encoded` in a text, as CloudBase does', async () => {
    const event = { ...carry(named('scf-api-gateway'), envelope(), true), isBase64Encoded: 'true' }
    expect(await open().handler(event)).toMatchObject(HANDLED)
  })

  it.each([
    ['a message of SQS', eventOf('sqs')],
    ['bytes that are no JSON', Buffer.from('{')],
    ['nothing', undefined],
    ['a list', []],
  ])('is refused with what to do if it is %s [G24]', async (_, event) => {
    await expect(open().handler(event)).rejects.toMatchObject({
      name: 'OptionError',
      code: 'option-invalid',
      message: expect.stringMatching(
        /is not an HTTP request\. It expects one of API Gateway.* Point one of these at/,
      ) as string,
    })
  })

  it('that a middleware has parsed is answered 500, with what to move [G25]', async () => {
    const { handler, reports } = open()
    const signed = envelope()
    const event = { ...carry(HTTP, signed, false), body: JSON.parse(signed.text) }
    expect(await handler(event)).toMatchObject({
      statusCode: 500,
      body: '{"outcome":"failed","code":"body-consumed"}',
    })
    expect(reports).toMatchObject([
      {
        error: { message: expect.stringMatching(/pass the event on before any middleware parses/) },
      },
    ])
  })

  it('with a compressed body is answered 415 [A16]', async () => {
    const event = carry(HTTP, envelope(), true)
    const packed = {
      ...event,
      ...added(event, 'headers', { 'Content-Encoding': 'gzip' }),
      body: gzipSync('{}').toString('base64'),
    }
    expect(await open().handler(packed)).toMatchObject({ statusCode: 415 })
  })

  it.each([
    ['of as many bytes as `maxBodyBytes`', 0, 200],
    ['of one byte more', 1, 413],
  ])('with a body %s is answered %d', async (_, extra, statusCode) => {
    const signed = envelope('红'.repeat(1000))
    const { handler } = open({ maxBodyBytes: signed.bytes.byteLength - extra })
    for (const isBase64 of [false, true]) {
      expect(await handler(carry(HTTP, signed, isBase64))).toMatchObject({ statusCode })
    }
  })

  it.each([[null], [undefined], ['']])('with a body of %j is answered 401', async (body) => {
    const event = { ...carry(HTTP, envelope(), false), body }
    expect(await open().handler(event)).toMatchObject({ statusCode: 401 })
  })
})

describe('a Lambda function near its time limit', () => {
  // What the platform's context says: the reserve of 500 ms, and enough that a busy machine starts the handler.
  const CONTEXTS: readonly [platform: string, context: object][] = [
    ['AWS Lambda and SCF', { getRemainingTimeInMillis: () => 2500 }],
    ['Function Compute', { function: { timeout: 2.5 } }],
  ]

  it.each(CONTEXTS)('answers 500 and fires `context.signal`: %s [F34]', async (_, context) => {
    const { webhooks, reports, handler } = open()
    const stopped = Promise.withResolvers<unknown>()
    webhooks.on('red_envelope.sent', (_event, { signal }) => {
      signal.addEventListener('abort', () => stopped.resolve(signal.reason))
      return stopped.promise.then(() => signal.throwIfAborted())
    })
    expect(await handler(carry(HTTP, envelope(), false), context)).toMatchObject({
      statusCode: 500,
      body: '{"outcome":"failed","code":"handler-timed-out"}',
    })
    expect(await stopped.promise).toMatchObject({ code: 'handler-timed-out' })
    expect(reports[0]).toMatchObject({
      status: 500,
      error: { message: expect.stringMatching(/The time limit of the function came first/) },
    })
  })

  it('answers 500 if the function `publicKey` hangs [F34]', async () => {
    const { handler, reports } = open({ publicKey: () => new Promise(() => {}) })
    const context = { getRemainingTimeInMillis: () => 520 }
    expect(await handler(carry(HTTP, envelope(), false), context)).toMatchObject({
      statusCode: 500,
      body: '{"outcome":"failed","code":"key-unavailable"}',
    })
    expect(reports).toMatchObject([{ status: 500, code: 'key-unavailable' }])
  })

  it('answers 500 if the inbox hangs [F34]', async () => {
    const inbox = { retentionSeconds: 97_200, admit: () => new Promise<never>(() => {}) }
    const { handler } = open({ inbox })
    // Two seconds until the inbox has to be asked, however busy the machine is.
    const context = { getRemainingTimeInMillis: () => 2500 }
    expect(await handler(carry(HTTP, envelope(), false), context)).toMatchObject({
      body: '{"outcome":"failed","code":"inbox-unavailable"}',
    })
  })

  it.each([
    ['has more time than `handlerTimeoutMs`', { getRemainingTimeInMillis: () => 900_000 }],
    ['has a context without a time', {}],
    ['has no context', undefined],
    ['has a time that is no number', { getRemainingTimeInMillis: () => 'soon' }],
    ['has no time left, as emulators say', { getRemainingTimeInMillis: () => 0 }],
    ['has no limit, and so 0 s', { function: { timeout: 0 } }],
    ['has a limit that is no number', { function: { timeout: Symbol('soon') } }],
    ['has a context that throws', { getRemainingTimeInMillis: throwing }],
  ])('gives handlers `handlerTimeoutMs` if it %s [F35]', async (_, context) => {
    const { webhooks, reports, handler } = open({ handlerTimeoutMs: 20 })
    const gate = Promise.withResolvers<void>()
    webhooks.on('red_envelope.sent', () => gate.promise)
    expect(await handler(carry(HTTP, envelope(), false), context)).toMatchObject({
      statusCode: 500,
    })
    expect(reports).toMatchObject([{ code: 'handler-timed-out', error: { detail: undefined } }])
    gate.resolve()
  })

  it('answers 500 without starting a handler if the reserve is all that is left [F34]', async () => {
    const { handler, applied } = open()
    const context = { getRemainingTimeInMillis: () => 499 }
    expect(await handler(carry(HTTP, envelope(), false), context)).toMatchObject({
      statusCode: 500,
      body: '{"outcome":"failed","code":"handler-timed-out"}',
    })
    expect(applied).toEqual([])
  })

  it.each([
    ['a dispatch', false],
    ['an invocation that has more time', true],
  ])('answers 500 at its own limit while it shares the run of %s [F38]', async (_, byDelivery) => {
    const { webhooks, handler } = open()
    const gate = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    webhooks.on('red_envelope.sent', () => {
      started.resolve()
      return gate.promise
    })
    const sent = eventFixture('red_envelope.sent')
    const event = carry(HTTP, signDelivery(sent, keys), false)
    const first = byDelivery ? handler(event) : webhooks.dispatch(sent)
    await started.promise
    expect(await handler(event, { getRemainingTimeInMillis: () => 510 })).toMatchObject({
      statusCode: 500,
      body: '{"outcome":"failed","code":"handler-timed-out"}',
    })
    gate.resolve()
    expect(await first).toMatchObject(
      byDelivery ? { body: '{"outcome":"handled"}' } : { outcome: 'handled' },
    )
  })

  it('asks no timer to wait for less than nothing [F34]', async () => {
    const warn = vi.spyOn(process, 'emitWarning')
    const { handler } = open({ publicKey: () => new Promise(() => {}) })
    const context = { getRemainingTimeInMillis: () => 499 }
    expect(await handler(carry(HTTP, envelope(), false), context)).toMatchObject({
      body: '{"outcome":"failed","code":"key-unavailable"}',
    })
    expect(warn.mock.calls).toEqual([])
    warn.mockRestore()
  })

  it('applies an event of an earlier invocation whose handler ended late once', async () => {
    const { webhooks, handler, applied, reports } = open()
    const gate = Promise.withResolvers<void>()
    webhooks.on('red_envelope.sent', () => gate.promise)
    const event = carry(HTTP, envelope(), false)
    expect(await handler(event, { getRemainingTimeInMillis: () => 2500 })).toMatchObject({
      statusCode: 500,
    })
    gate.resolve()
    await vi.waitUntil(() => reports.some(({ kind }) => kind === 'late'))
    expect(await handler(event)).toMatchObject({ body: '{"outcome":"duplicate"}' })
    expect(applied).toHaveLength(1)
  })
})

describe('a Lambda function whose key is in a secret manager', () => {
  it('answers 500 while the manager fails, and 200 when it works [C25]', async () => {
    let nowMs = Date.now()
    const publicKey = vi
      .fn<() => Promise<string>>()
      .mockRejectedValueOnce(new Error('throttled'))
      .mockResolvedValue(keys.publicKey)
    const { handler } = open({ publicKey, now: () => nowMs })
    const event = carry(HTTP, envelope(), false)
    expect(await handler(event)).toMatchObject({
      statusCode: 500,
      body: '{"outcome":"failed","code":"key-unavailable"}',
    })
    nowMs += 1000
    expect(await handler(event)).toMatchObject(HANDLED)
    expect(publicKey).toHaveBeenCalledTimes(2)
  })
})

describe('the handler of a Lambda function', () => {
  // AWS refuses handlers with a callback from Node 24 on, and counts parameters to find them.
  it('takes two parameters at the most', () => {
    const handler: LambdaHandler = open().handler
    expect(handler.length).toBeLessThanOrEqual(2)
  })
})

function throwing(): never {
  throw new Error('There is no context here.')
}

function named(file: string): Platform {
  const found = PLATFORMS.find((platform) => platform.file === file)
  if (found === undefined) throw new Error(`There is no platform ${file}.`)
  return found
}
