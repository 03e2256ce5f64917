"Errors, whole files, threads, memory and lazy names: the ground that all rooms stand on."
import errno, os, subprocess, sys, textwrap, threading, time
from pathlib import Path

import pytest

import colorbook
from colorbook.core import (InputError, OutputError, atomic_path, core_count, lazy_face, map_ahead,
                            prefetch)


def names(folder): return sorted(o.name for o in folder.iterdir())


def test_a_missing_source_keeps_its_own_error(tmp_path):
    with pytest.raises(FileNotFoundError) as e, atomic_path(tmp_path/'out.txt') as f:
        f.write_text((tmp_path/'source.txt').read_text())
    assert e.value.filename == str(tmp_path/'source.txt')
    with pytest.raises(InputError, match='mine'), atomic_path(tmp_path/'out.txt'): raise InputError('mine')
    assert names(tmp_path) == []


@pytest.mark.parametrize('code', [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_no_room_is_an_output_error(tmp_path, code):
    (tmp_path/'out.txt').write_text('old')
    with pytest.raises(OutputError, match='out.txt') as e, atomic_path(tmp_path/'out.txt') as f:
        f.write_text('new')
        raise OSError(code, os.strerror(code))
    assert os.strerror(code) in str(e.value) and e.value.exit_code == 4
    assert names(tmp_path) == ['out.txt'] and (tmp_path/'out.txt').read_text() == 'old'


def test_a_broken_source_is_no_output_error(tmp_path):
    with pytest.raises(OSError) as e, atomic_path(tmp_path/'out.txt'): raise OSError(errno.EIO, 'the source is damaged')
    assert not isinstance(e.value, OutputError) and names(tmp_path) == []


def test_a_temporary_file_that_cannot_be_opened_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match='out.txt'), atomic_path(tmp_path/'out.txt') as f:
        f.unlink()
        f.mkdir()
        try: open(f, 'w')
        finally: f.rmdir()


def test_a_folder_in_the_way_is_an_output_error(tmp_path):
    (tmp_path/'out'/'full').mkdir(parents=True)
    with pytest.raises(OutputError, match="'.*out'"), atomic_path(tmp_path/'out') as f: f.write_text('new')
    assert names(tmp_path) == ['out'] and names(tmp_path/'out') == ['full']


def test_content_is_on_the_disk_before_its_name_and_the_folder_after_it(tmp_path, monkeypatch):
    steps,where = [],tmp_path/'a.txt'
    def fsync(fd):
        place = Path(os.readlink(f'/proc/self/fd/{fd}'))
        steps.append(('folder' if place.is_dir() else place.read_text(), where.exists()))
        real_fsync(fd)
    def replace(*args):
        steps.append(('named', where.exists()))
        real_replace(*args)
    real_fsync,real_replace = os.fsync,os.replace
    monkeypatch.setattr(os, 'fsync', fsync)
    monkeypatch.setattr(os, 'replace', replace)
    with atomic_path(where) as f: f.write_text('content')
    assert steps == [('content', False), ('named', False), ('folder', True)]


def test_a_disk_that_does_not_take_the_content_is_an_output_error(tmp_path, monkeypatch):
    def fsync(fd): raise OSError(errno.EIO, 'the disk is broken')
    monkeypatch.setattr(os, 'fsync', fsync)
    with pytest.raises(OutputError, match='the disk is broken'), atomic_path(tmp_path/'a.txt') as f: f.write_text('x')
    assert names(tmp_path) == []


def test_two_threads_never_share_a_temporary_name(tmp_path):
    both,texts = threading.Barrier(2),[]
    def write(text):
        with atomic_path(tmp_path/'a.txt') as f:
            both.wait(10)
            f.write_text(text)
            both.wait(10)
            texts.append(f.read_text())
    threads = [threading.Thread(target=write, args=[o]) for o in ('one', 'two')]
    for t in threads: t.start()
    for t in threads: t.join()
    assert sorted(texts) == ['one', 'two'] and names(tmp_path) == ['a.txt']


def test_rights_are_those_of_any_new_file(tmp_path):
    (tmp_path/'plain.txt').write_text('')
    with atomic_path(tmp_path/'a.txt') as f: f.write_text('')
    assert (tmp_path/'a.txt').stat().st_mode == (tmp_path/'plain.txt').stat().st_mode


def test_long_names(tmp_path):
    where = tmp_path/('ä'*100 + '.txt')
    with atomic_path(where) as f: f.write_text('x')
    assert names(tmp_path) == [where.name]


def test_threads_are_those_that_the_process_may_use():
    code = 'from colorbook.core import core_count; print(core_count())'
    cpu = min(os.sched_getaffinity(0))
    one = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    assert one.stdout.strip() == '1' and core_count() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize('workers,each', [(1, 1), (3, 1), (2, 5), (None, 8)])
def test_map_ahead(workers, each):
    drawn = []
    def items():
        for i in range(100):
            drawn.append(i)
            yield i
    out = map_ahead(lambda i: i*i, items(), workers, each)
    assert next(out) == 0 and len(drawn) == (workers or core_count())*each
    assert list(out) == [i*i for i in range(1, 100)]


def test_map_ahead_passes_on_errors_in_order():
    def items():
        yield from range(3)
        raise InputError('the stream breaks off')
    seen = []
    with pytest.raises(InputError, match='breaks off'):
        for o in map_ahead(str, items(), 2, 1): seen.append(o)
    assert seen == ['0', '1']  # two are under way: the third is lost with the stream
    def bad(i):
        if i == 1: raise InputError('bad')
        return i
    out = map_ahead(bad, range(9), 2, 2)
    assert next(out) == 0
    with pytest.raises(InputError, match='bad'): next(out)


def test_prefetch_does_not_wait_for_a_pipe():
    "A generator that reads from a pipe into which nobody writes"
    code = '''
        import os, sys
        from colorbook.core import prefetch
        def read():
            yield b'first'
            yield os.read(0, 1)
        items = prefetch(read(), patience=.1)
        print(next(items))
        items.close()
        print('closed', flush=True)'''
    out,into = os.pipe()
    run = subprocess.run([sys.executable, '-c', textwrap.dedent(code)], stdin=out, capture_output=True, timeout=120)
    assert (run.returncode, run.stdout) == (0, b"b'first'\nclosed\n")  # while the pipe is still open
    os.close(into)
    os.close(out)


def test_prefetch_ends_its_generator():
    ended = threading.Event()
    def items():
        try:
            while True: yield 1
        finally: ended.set()
    out = prefetch(items(), 2)
    assert next(out) == 1
    out.close()
    assert ended.is_set()


@pytest.mark.parametrize('n', [1, 7])
def test_prefetch_is_so_far_ahead_and_no_farther(n):
    drawn,enough = [],threading.Event()
    def items():
        for i in range(100):
            drawn.append(i)
            if len(drawn) == n + 2: enough.set()
            yield i
    out = prefetch(items(), n)
    assert next(out) == 0 and enough.wait(10)
    time.sleep(.2)
    assert len(drawn) == n + 2  # the first was taken, `n` wait, and one is held by the thread
    assert list(out) == [*range(1, 100)]


def test_lazy_names(tmp_path):
    home = tmp_path/'shop'
    home.mkdir()
    (home/'__init__.py').write_text('from colorbook.core import lazy_face\n__getattr__,__dir__,__all__ = '
                                    "lazy_face(__name__, {'bread': 'roll', 'meat': 'ham', 'broken': 'cup'}, 'all')")
    (home/'bread.py').write_text('roll = 1')
    (home/'meat.py').write_text('import a_knife_that_is_missing')
    (home/'broken.py').write_text('import shop.nothing')
    code = '''
        import sys, shop
        assert not [o for o in sys.modules if o.startswith('shop.')] and {'roll', 'ham', 'cup'} <= {*dir(shop)}
        from shop import roll
        assert roll == shop.roll == shop.bread.roll == 1 and 'roll' in vars(shop) and 'shop.meat' not in sys.modules
        def error(name):
            try: getattr(shop, name)
            except Exception as e: return type(e).__name__, str(e)
        print(error('ham'), error('cup'), error('fish'), sep='\\n')'''
    path = os.pathsep.join([str(tmp_path), str(Path(colorbook.__file__).parents[1])])
    out = subprocess.run([sys.executable, '-c', textwrap.dedent(code)], capture_output=True, text=True,
                         env={**os.environ, 'PYTHONPATH': path})
    assert out.returncode == 0, out.stderr
    ham,cup,fish = out.stdout.splitlines()
    assert ham.startswith("('ImportError'") and "pip install 'colorbook[all]'" in ham
    assert cup.startswith("('ModuleNotFoundError'") and 'pip' not in cup  # a defect of ours is not a missing extra
    assert fish.startswith("('AttributeError'")
    with pytest.raises(ValueError, match='bread'): lazy_face('shop', {'bread': 'bread'})


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_memory_is_kept_or_given_back():
    code = '''
        import os, sys
        from colorbook.core import malloc_policy
        def used(): return int(open('/proc/self/statm').read().split()[1])*os.sysconf('SC_PAGESIZE')/1e6
        malloc_policy(sys.argv[1] == 'keep')
        before = used()
        many = [b'x'*10**6 for _ in range(100)]
        del many
        print(used() - before)'''
    held = lambda how: float(subprocess.check_output([sys.executable, '-c', textwrap.dedent(code), how]))
    assert held('keep') > 80 and held('spare') < 5


def test_no_threads_share_what_is_spared():
    "ARENA_MAX: threads take memory from one arena, so that a scan by many threads stays small"
    code = '''
        import re, sys, threading
        from colorbook.core import malloc_policy
        if sys.argv[1] == 'spare': malloc_policy(False)
        wait = threading.Barrier(9)
        def work():
            keep = [bytes(10**4) for _ in range(100)]
            wait.wait()
        threads = [threading.Thread(target=work) for _ in range(8)]
        for t in threads: t.start()
        maps = open('/proc/self/maps').read().splitlines()
        sizes = [int(b, 16) - int(a, 16) for a,b in (o.split()[0].split('-') for o in maps)]
        print(sum(2**17 < o < 2**26 and 'heap' not in m and '/' not in m for o,m in zip(sizes, maps)))
        wait.wait()
        for t in threads: t.join()'''
    count = lambda how: int(subprocess.check_output([sys.executable, '-c', textwrap.dedent(code), how]))
    if sys.platform == 'linux': assert count('spare') < count('plain')
