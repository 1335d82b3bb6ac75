import { pathsFrom, REPOSITORY, stackIdOf } from './paths.js';
import { usersOf } from './servers/postgres-user.js';

describe('folders', () => {
  test("a user's data lies in their home, the cache beside it, both outside the clone", () => {
    const paths = pathsFrom({}, false, '/home/ann');
    expect(paths.cache).toBe('/home/ann/.cache/tidemark');
    expect(paths.data).toMatch(/^\/home\/ann\/\.local\/share\/tidemark\/[0-9a-f]{12}$/);
    expect(paths.data.startsWith(REPOSITORY)).toBe(false);
    expect(paths.logs).toBe(`${paths.data}/logs`);
  });

  test("root's folders lie below /var, because /root is closed to the user that runs Postgres", () => {
    const paths = pathsFrom({}, true, '/root');
    expect(paths.cache).toBe('/var/cache/tidemark');
    expect(paths.data).toMatch(/^\/var\/lib\/tidemark\//);
  });

  test('each can be set, and XDG folders are followed', () => {
    expect(pathsFrom({ TIDEMARK_DATA: '/d', TIDEMARK_CACHE: '/c' }, true, '/root')).toMatchObject({
      data: '/d',
      cache: '/c',
    });
    expect(pathsFrom({ XDG_CACHE_HOME: '/x' }, false, '/home/ann').cache).toBe('/x/tidemark');
  });

  test('two data folders have two markers', () => {
    expect(stackIdOf('/a')).not.toBe(stackIdOf('/b'));
    expect(stackIdOf('/a')).toBe(stackIdOf('/a'));
  });

  test('users are read from the password file, broken lines are skipped', () => {
    expect(usersOf('root:x:0:0:root:/root:/bin/sh\n\nbroken\nnobody:x:65534:65534::/:')).toEqual([
      { name: 'root', uid: 0, gid: 0 },
      { name: 'nobody', uid: 65_534, gid: 65_534 },
    ]);
  });
});
