// What an adapter of a host needs, and nothing else: the adapters of Express, Koa, Fastify and Hono
// import only this.
export type { BodyLimits, Delivery, Receiver, WaitUntil } from './receive/delivery.ts'
export { fetchDelivery, fetchHeaders, toResponse } from './receive/fetch-delivery.ts'
export { checkMount, createMount, type MountOptions } from './receive/mount.ts'
export { nodeDelivery, nodeHeaders, sendReply } from './receive/node-delivery.ts'
export type { KeptBody } from './receive/raw-body.ts'
export { replyTo, type Reply } from './reply/reply.ts'
