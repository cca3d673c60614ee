import { ruleOf } from './catalogue.ts'
import type { WebhookEvent } from './event.ts'
import { isRecord } from '../options/record.ts'

/**
 * Returns the idempotency key of an event, under which an inbox remembers it; handlers get it as
 * `context.key`. It is the same for a webhook and for a poll, which has no event id: a red envelope is
 * sent once and received once, so both have the key `type:object id`. Other events have their own id
 * in the key, or payload and time if Ping++ sends none. App and mode come first.
 *
 * Returns undefined if the event has no id at all; no handler gets such an event.
 */
export function eventKey(event: WebhookEvent): string | undefined {
  const { type, created } = event
  const id = event.id ?? undefined
  const { id: object } = event.data.object as { readonly id?: unknown }
  const app = appIdOf(event) ?? '-'
  const mode = event.livemode ? 'live' : 'test'
  const parts = [app, mode]
  if (ruleOf(type)?.step !== undefined && isId(object)) parts.push(type, object)
  else if (id !== undefined) parts.push(id)
  else if (isId(object)) parts.push(type, object, String(created))
  else return undefined
  // Joined, a key is one string. A template keeps its parts and takes 270 bytes in an inbox, not 117.
  return parts.join(':')
}

/** Returns the id of the app that the payload names, expanded or not; undefined if it names none. */
export function appIdOf(event: WebhookEvent): string | undefined {
  const { app } = event.data.object as { readonly app?: unknown }
  const id = isRecord(app) ? app['id'] : app
  return isId(id) ? id : undefined
}

/** Returns whether the payload names an app at all; refunds and account summaries do not. */
export function namesApp(event: WebhookEvent): boolean {
  const { app } = event.data.object as { readonly app?: unknown }
  return app !== undefined && app !== null
}

const ID = /^[\w-]{1,64}$/

/** Returns whether a value can be the id of an event or an object. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}
