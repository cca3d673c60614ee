import { describe, expect, it } from 'vitest'
import { OptionError } from '../src/index.ts'
import { readConsumer } from '../src/options/readers.ts'

describe('the name of a consumer', () => {
  it.each(['orders', 'a', 'Shop-2_mail.v1', 'x'.repeat(100)])('may be %s [E71]', (name) => {
    expect(readConsumer(name, 'consumer')).toBe(name)
  })

  it.each([
    undefined,
    null,
    7,
    '',
    'x'.repeat(101),
    'the orders',
    'or:ders',
    '{orders}',
    'orders\n',
    'orders\0',
    '订单',
  ])('may not be %j, and the error shows the line to write [E71]', (name) => {
    expect(() => readConsumer(name as string, 'consumer')).toThrow(OptionError)
    expect(() => readConsumer(name as string, 'consumer')).toThrow(
      /^`consumer` must be the name of this service, such as `consumer: 'orders'`: 1 to 100 characters, only letters \(a to z, A to Z\), digits, `-`, `_` and `\.`\./,
    )
  })
})
