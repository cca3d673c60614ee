import { describe } from 'vitest'
import { testNest } from '../nest-11/suite.ts'

describe('NestJS 12, ES modules', () => {
  testNest(import.meta.dirname, 'module')
})
