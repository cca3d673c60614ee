import { library } from '../../tsup.library.ts'

// Each entry is a subpath of `exports` in package.json.
export default library({
  entry: [
    'index',
    'prisma',
    'typeorm',
    'sequelize',
    'knex',
    'kysely',
    'drizzle',
    'mikro-orm',
    'mysql2',
  ].map((name) => `src/${name}.ts`),
})
