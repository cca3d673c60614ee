import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../packages/core/src/reply/errors.ts'
import { MESSAGES as POSTGRES } from '../../packages/postgres/src/errors.ts'
import { MESSAGES as REDIS } from '../../packages/redis/src/errors.ts'
import { MESSAGES as SQL } from '../../packages/sql/src/errors.ts'

describe.each<[string, Readonly<Record<string, string>>]>([
  ['redis', REDIS],
  ['postgres', POSTGRES],
  ['sql', SQL],
])('the codes of @hongbao/%s', (store, messages) => {
  it('begin with the store, so that no other package has them', () => {
    const codes = Object.keys(messages)
    expect(codes.length).toBeGreaterThan(0)
    expect(codes.filter((code) => !code.startsWith(`${store}-`))).toEqual([])
    expect(codes.filter((code) => Object.hasOwn(ERRORS, code))).toEqual([])
  })

  it('each have a sentence of their own that ends with a full stop or a question', () => {
    const sentences = Object.values(messages)
    expect(new Set(sentences).size).toBe(sentences.length)
    expect(sentences.filter((sentence) => !/[.?]$/.test(sentence))).toEqual([])
  })
})
