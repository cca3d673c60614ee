import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as client from '@hongbao/client'

// These names are a promise: an addition is a feature, a removal breaks apps.
describe('the exports', () => {
  it('from @hongbao/client', () => {
    expect(new Set(Object.keys(client))).toEqual(
      new Set(['PingppError', 'createPingppClient', 'createReconciler']),
    )
  })

  it('of a reconciler, its methods', () => {
    const reconciler = client.createReconciler({
      pingpp: client.createPingppClient({ apiKey: 'sk_test_1' }),
      webhooks: { dispatch: () => Promise.resolve({ outcome: 'handled' }) },
      app: 'app_1',
    })
    expect(Object.keys(reconciler)).toEqual(['run', 'start', 'close'])
  })

  it('of a client, its methods', () => {
    const { redEnvelopes, events } = client.createPingppClient({ apiKey: 'sk_test_1' })
    expect(Object.keys(redEnvelopes)).toEqual(['create', 'retrieve', 'list'])
    expect(Object.keys(events)).toEqual(['retrieve'])
  })
})

it('@hongbao/client needs only `node:crypto` and `node:buffer` of Node', () => {
  const folder = new URL('../src/', import.meta.url)
  const modules = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(new URL(path, folder), 'utf8'))
    .flatMap((code) => Array.from(code.matchAll(/from '(node:[^']+)'/g), ([, name]) => name))
  expect(new Set(modules)).toEqual(new Set(['node:buffer']))
})
