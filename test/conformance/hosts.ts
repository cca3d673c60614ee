import type { Host } from './host.ts'
import { express4Host } from './hosts/express4.ts'
import { express5Host } from './hosts/express5.ts'
import { fastifyHost } from './hosts/fastify.ts'
import { fetchHost } from './hosts/fetch.ts'
import { honoHost } from './hosts/hono.ts'
import { koa2Host } from './hosts/koa2.ts'
import { koa3Host } from './hosts/koa3.ts'
import { nodeHost } from './hosts/node.ts'

/** Every host that hongbao promises to run in. A new one is a file in `hosts/` and a line here. */
export const hosts: readonly Host[] = [
  express5Host,
  express4Host,
  koa3Host,
  koa2Host,
  fastifyHost,
  honoHost,
  nodeHost,
  fetchHost,
]

/**
 * One for each way to read a body, for what is about reading alone: Express 4 and Koa 2 hand over the same
 * stream of Node as 5 and 3 do, and a host of `fetch` the same `Request` as Hono.
 */
export const bodyReaders: readonly Host[] = [
  express5Host,
  koa3Host,
  fastifyHost,
  honoHost,
  nodeHost,
]
