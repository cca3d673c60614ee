import { flushCompileCache } from 'node:module'
import type { Host } from '../conformance/host.ts'
import { createFixture, type Setup } from './fixture.ts'
import type { Order } from './points.ts'
import { findStore } from './stores.ts'

// One app of the crash test: a framework with its adapter, a store, a handler. The trial starts it
// with `fork`, sends it its settings, and orders it to end itself at named points.

process.once('message', (setup: Setup) => void start(setup))
// The trial has gone.
process.once('disconnect', () => process.exit())

async function start(setup: Setup): Promise<void> {
  const fixture = createFixture(setup)
  const store = await findStore(setup.store)?.load()
  const host = await HOSTS[setup.framework]?.()
  if (store === undefined || host === undefined) throw new Error('There is no such app.')
  process.on('message', (order: Order) => fixture.points.arm(order))
  const { port } = await host.start(await store.open(fixture))
  process.send?.({ port })
  // Node writes what it has compiled when a process ends, and this one is killed.
  flushCompileCache()
}

/** Framework → the app that its guide shows. Loaded late, so that a start costs little. */
const HOSTS: Readonly<Record<string, () => Promise<Host>>> = {
  express: async () => (await import('../conformance/hosts/express5.ts')).express5Host,
  koa: async () => (await import('../conformance/hosts/koa3.ts')).koa3Host,
  fastify: async () => (await import('../conformance/hosts/fastify.ts')).fastifyHost,
  hono: async () => (await import('../conformance/hosts/hono.ts')).honoHost,
}
