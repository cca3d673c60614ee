import { afterEach, expect, it, vi } from 'vitest'
import { lendGuarded } from '../src/transaction-guard.ts'

afterEach(() => vi.unstubAllGlobals())

it('a prepared statement sends nothing after the handlers, even if the app has replaced the global Promise', async () => {
  const sent: string[] = []
  const connection = {
    // Native, whatever the global class is.
    prepare: async (sql: string) => ({ execute: async () => void sent.push(sql) }),
  }
  vi.stubGlobal('Promise', class extends Promise<unknown> {})
  const methods = {
    sending: new Set(['prepare', 'execute']),
    ending: new Set<string>(),
    leaving: new Set<string>(),
    lending: new Set(['prepare']),
  }
  let kept: { execute(): Promise<void> } | undefined
  await lendGuarded(connection, methods, async (tx) => {
    kept = await tx.prepare('insert')
    await kept.execute()
  })
  await expect(kept?.execute()).rejects.toMatchObject({ code: 'sql-transaction-over' })
  expect(sent).toEqual(['insert'])
})
