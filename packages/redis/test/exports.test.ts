import { expect, it } from 'vitest'
import * as redis from '@hongbao/redis'

// What is here is a promise: to add is a feature, to take away breaks somebody.
it('@hongbao/redis has exactly these exports', () => {
  expect(Object.keys(redis).toSorted()).toEqual(['redisInbox'])
})
