import { expect, it } from 'vitest'
import * as redis from '@hongbao/redis'

// What is here is a promise: to add is a feature, to take away breaks somebody.
it('what people can import from @hongbao/redis', () => {
  expect(Object.keys(redis).toSorted()).toEqual(['redisInbox'])
})
