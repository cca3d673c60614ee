// What an adapter of a host needs, and nothing else: the adapters of Express, Koa, Fastify and Hono
// import only this.
export { nodeHeaders } from './connection.ts'
export type { BodyLimits, Delivery, Receiver, WaitUntil } from './delivery.ts'
export { fetchDelivery, fetchHeaders, toResponse } from './fetch-delivery.ts'
export { checkMount, createMount, type MountOptions } from './mount.ts'
export { answer, nodeDelivery, sendReply } from './node-delivery.ts'
export type { KeptBody } from './raw-body.ts'
export { replyTo, type Reply } from './reply.ts'
