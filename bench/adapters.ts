import type { Webhooks } from '@hongbao/core'
import { serve } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { once } from 'node:events'
import type { Server } from 'node:http'
import {
  answerByHand,
  handWritten,
  LARGE,
  MAX_BODY_BYTES,
  readBody,
  signatureOf,
  type HandWritten,
} from './by-hand.ts'
import { publicKeyPem, signDeliveries, type SignedBody } from './deliveries.ts'
import type { Figure } from './figure.ts'
import {
  expectSameAnswer,
  listen,
  MAX_KEYS,
  portOf,
  REQUESTS,
  SENT,
  sideBySideOverHttp,
} from './http-load.ts'
import { installed } from './installed.ts'

/** A framework, with our adapter in it and with a handler written by hand. */
interface Host {
  readonly name: string
  ours(webhooks: Webhooks): Promise<number>
  theirs(byHand: HandWritten): Promise<number>
}

/** Each adapter over HTTP, against the fastest handler for the same job that its framework allows. */
export async function measure(): Promise<Figure[]> {
  const requests = signDeliveries(REQUESTS)
  const figures: Figure[] = []
  for (const host of HOSTS) figures.push(await measureHost(host, requests))
  return figures
}

async function measureHost(host: Host, requests: readonly SignedBody[]): Promise<Figure> {
  const { createWebhooks, memoryInbox } = await installed('core')
  const applied = { ours: 0, theirs: 0 }
  const inbox = memoryInbox({ maxKeys: MAX_KEYS, onWarning() {} })
  const webhooks = createWebhooks({ publicKey: publicKeyPem, inbox })
  webhooks.on('red_envelope.sent', async () => {
    applied.ours += 1
  })
  const byHand = handWritten(async () => {
    applied.theirs += 1
  })
  const ports = { ours: await host.ours(webhooks), theirs: await host.theirs(byHand) }
  await expectSameAnswer(ports, signDeliveries(1))
  const result = await sideBySideOverHttp({
    ...ports,
    requests,
    status: 200,
    beforeTheirs: () => byHand.forget(),
  })
  if (applied.ours !== SENT + 1 || applied.theirs !== SENT + 1) {
    throw new Error(`${host.name}: of ${SENT + 1} events, ${JSON.stringify(applied)} were applied.`)
  }
  return { measure: `adapter ${host.name}`, ...result, bar: 0.95, unit: 'per CPU s' }
}

const HOSTS: readonly Host[] = [
  {
    name: 'express',
    async ours(webhooks) {
      const { expressWebhooks } = await installed('express')
      const app = express()
      app.post('/webhooks', expressWebhooks(webhooks))
      return portOf(await listen(app))
    },
    async theirs(byHand) {
      const app = express()
      app.post('/webhooks', (request, response) => answerByHand(byHand, request, response))
      return portOf(await listen(app))
    },
  },
  {
    name: 'koa',
    async ours(webhooks) {
      const { koaWebhooks } = await installed('koa')
      const app = new Koa()
      app.use(koaWebhooks(webhooks, { path: '/webhooks' }))
      return portOf(await listen(app.callback()))
    },
    async theirs(byHand) {
      const app = new Koa()
      app.use(async (context, next) => {
        if (context.path !== '/webhooks') {
          await next()
          return
        }
        const body = await new Promise<Buffer | undefined>((resolve) =>
          readBody(context.req, resolve),
        )
        const answer =
          body === undefined ? LARGE : await byHand.receive(body, signatureOf(context.req))
        context.status = answer.status
        context.set(answer.headers)
        context.body = answer.body
      })
      return portOf(await listen(app.callback()))
    },
  },
  {
    name: 'fastify',
    async ours(webhooks) {
      const { fastifyWebhooks } = await installed('fastify')
      const app = Fastify()
      await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
      await app.listen({ port: 0, host: '127.0.0.1' })
      return portOf(app.server)
    },
    async theirs(byHand) {
      const app = Fastify({ bodyLimit: MAX_BODY_BYTES })
      app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
        done(null, body),
      )
      app.post<{ Body: Buffer }>('/webhooks', async (request, response) => {
        const answer = await byHand.receive(request.body, signatureOf(request.raw))
        return response.code(answer.status).headers(answer.headers).send(answer.body)
      })
      await app.listen({ port: 0, host: '127.0.0.1' })
      return portOf(app.server)
    },
  },
  {
    name: 'hono',
    async ours(webhooks) {
      const { honoWebhooks } = await installed('hono')
      const app = new Hono()
      app.post('/webhooks', honoWebhooks(webhooks))
      return serveHono(app)
    },
    async theirs(byHand) {
      const app = new Hono()
      app.post('/webhooks', async (context) => {
        const length = Number(context.req.header('content-length') ?? Infinity)
        const signature = context.req.header('x-pingplusplus-signature')
        const { status, headers, body } =
          length > MAX_BODY_BYTES
            ? LARGE
            : await byHand.receive(new Uint8Array(await context.req.arrayBuffer()), signature)
        return new Response(body, { status, headers })
      })
      return serveHono(app)
    },
  },
]

async function serveHono(app: Hono): Promise<number> {
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  await once(server, 'listening')
  return portOf(server)
}
