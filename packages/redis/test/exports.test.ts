import { expect, it } from 'vitest'
import * as redis from '@hongbao/redis'

// This list is a promise: an addition is a feature, a removal breaks users.
it('@hongbao/redis has exactly these exports', () => {
  expect(Object.keys(redis).toSorted()).toEqual(['redisInbox'])
})
