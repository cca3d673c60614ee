import { afterAll, beforeAll } from 'vitest'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { describeShop, startScripts } from './shop.ts'

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.close())

describeShop({
  name: 'express-postgres',
  start: (variables) =>
    startScripts('express-postgres', ['start'], { ...variables, DATABASE_URL: postgres.url }),
})
