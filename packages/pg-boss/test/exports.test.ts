import * as hongbao from '@hongbao/pg-boss'
import { expect, it } from 'vitest'

// What is here is a promise: to add is a feature, to take away breaks apps.
it('@hongbao/pg-boss has exactly these exports', () => {
  expect(Object.keys(hongbao)).toEqual(['pgBossQueue'])
})
