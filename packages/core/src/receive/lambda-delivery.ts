import { Buffer } from 'node:buffer'
import { isBytes } from '../keys/bytes.ts'
import { OptionError } from '../options/errors.ts'
import { isRecord } from '../options/record.ts'
import { createFailure } from '../reply/errors.ts'
import type { Delivery } from './delivery.ts'

type Members = Readonly<Record<string, unknown>>

/** An HTTP request as a platform for functions passes it, whatever the platform. */
export interface HttpEvent {
  readonly method: string
  /** The path, and the path without the stage that API Gateway puts before it. */
  readonly paths: readonly string[]
  readonly headers: readonly [name: string, value: unknown][]
  readonly hasLists: boolean
  readonly isFromBalancer: boolean
  readonly body: unknown
  readonly isBase64: boolean
}

/**
 * Reads an event of API Gateway (payload 1.0 and 2.0), a function URL, an Application Load Balancer,
 * Function Compute (JSON as bytes) or SCF. @throws OptionError if it is not an HTTP request
 */
export function readHttpEvent(given: unknown): HttpEvent {
  const event = membersOf(isBytes(given) ? parseJson(given) : given)
  const { requestContext, httpMethod, rawPath, path, body, isBase64Encoded } = event
  const { http, elb, stage } = membersOf(requestContext)
  const { method = httpMethod } = membersOf(http)
  if (typeof method !== 'string') throw new OptionError('option-invalid', NOT_HTTP)
  const hasLists = isRecord(event['multiValueHeaders'])
  return {
    method,
    paths: pathsOf(rawPath ?? path, stage),
    headers: Object.entries(membersOf(hasLists ? event['multiValueHeaders'] : event['headers'])),
    hasLists,
    isFromBalancer: elb !== undefined,
    body,
    // A boolean; in CloudBase, which runs on SCF, a text.
    isBase64: String(isBase64Encoded) === 'true',
  }
}

const NOT_HTTP =
  'The handler of `lambdaWebhooks` got an event that is not an HTTP request. It expects one of API Gateway, a function URL, an Application Load Balancer, Function Compute or SCF. Point one of these at the function, and handle other triggers in another function.'

/** Makes a delivery of an event. `context` is the platform's, with the time that is left. */
export function lambdaDelivery(event: HttpEvent, context: unknown): Delivery {
  return {
    method: event.method,
    header: (name) => valueOf(event.headers, name),
    body: async () => bodyOf(event),
    deadlineMs: performance.now() + timeLeftMs(context) - RESERVE_MS,
  }
}

// For the log, the hooks and the way of the answer, on the slowest functions (128 MB).
const RESERVE_MS = 500

function timeLeftMs(context: unknown): number {
  try {
    const given = Object(context)
    // Function Compute has the whole time limit, in seconds; the others have a function.
    const leftMs = given.getRemainingTimeInMillis?.() ?? Object(given.function).timeout * 1000
    // Emulators say 0.
    return leftMs > 0 ? Number(leftMs) : Infinity
  } catch {
    return Infinity
  }
}

function pathsOf(path: unknown, stage: unknown): string[] {
  if (typeof path !== 'string') return ['/']
  const prefix = `/${String(stage)}/`
  return path.startsWith(prefix) ? [path, path.slice(prefix.length - 1)] : [path]
}

function valueOf(headers: HttpEvent['headers'], wanted: string): string | string[] | undefined {
  const values = headers
    .filter(([name]) => name.toLowerCase() === wanted)
    .flatMap(([, value]) => value)
    .map(String)
  return values.length > 1 ? values : values[0]
}

function bodyOf({ body, isBase64 }: HttpEvent): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body, isBase64 ? 'base64' : 'utf8')
  if ((body ?? undefined) === undefined) return new Uint8Array()
  throw createFailure('body-consumed', LAMBDA_HINT)
}

const LAMBDA_HINT =
  'The `body` of the event is not a string: pass the event on before any middleware parses its body.'

function membersOf(value: unknown): Members {
  return isRecord(value) ? value : {}
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}
