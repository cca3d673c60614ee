import { describe } from 'vitest'
import { testNest } from './suite.ts'

describe('NestJS 11, CommonJS', () => {
  testNest(import.meta.dirname, 'commonjs')
})
