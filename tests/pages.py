"""Look at the rendered book with Chromium, at the width of a desk and of a phone.

    python tests/pages.py           the book in _proc/_book
    python tests/pages.py FOLDER    any folder of HTML
    python tests/pages.py --required    an error where it cannot look

Complains of errors of scripts, requests that fail or go to another host, pages wider than the screen, formulas that did
not become formulas, pictures without alt text, pages with their pictures above 2.5 MB, and, on three pages, of what
axe-core calls serious. Says in one line what is missing where it cannot look."""
import http.server, json, shutil, subprocess, sys, tarfile, tempfile, threading, time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
WIDTHS = 1440,390
LIMIT = 2_500_000  # bytes of a page and its pictures, without scripts that all pages share
ASK = '''({wide: document.documentElement.scrollWidth, bare: [...document.images].filter(o => !o.hasAttribute('alt')
    || (o.closest('figure') && !o.alt)).length, raw: [...document.querySelectorAll('span.math')].filter(
    o => !o.querySelector('.katex')).length})'''
OTHER = 'asset','site_libs','katex'  # folders whose HTML is no page
RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']


def browser():
    "Path of Chromium, or None"
    return next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)


def missing(folder):
    "One line on what is not there, or None"
    if not any(folder.rglob('*.html')): return f"there is no rendered book in '{folder.name}'; Quarto makes it"
    if not browser(): return 'chromium is not installed'
    try: import websocket
    except ImportError: return 'the package websocket-client is not installed'


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args): pass


class Chromium:
    "A headless browser with one tab, and the events that it has sent"
    def __init__(self, home):
        import websocket
        flags = '--headless --no-sandbox --disable-gpu --hide-scrollbars --remote-debugging-port=0 --disable-extensions'
        self.process = subprocess.Popen([browser(), *flags.split(), '--remote-allow-origins=*', '--no-first-run',
            '--disable-background-networking', f'--user-data-dir={home}', 'about:blank'], stderr=subprocess.DEVNULL)
        port,end = Path(home)/'DevToolsActivePort',time.time() + 60
        while not (port.exists() and len(port.read_text().splitlines()) == 2):
            if time.time() > end or self.process.poll() is not None:
                self.process.kill()
                raise RuntimeError('chromium does not start')
            time.sleep(.05)
        at,path = port.read_text().split()
        self.socket,self.n,self.events = websocket.create_connection(f'ws://127.0.0.1:{at}{path}', timeout=60),0,[]
        self.session = None
        tab = self.do('Target.createTarget', url='about:blank')['targetId']
        self.session = self.do('Target.attachToTarget', targetId=tab, flatten=True)['sessionId']
        for o in ('Page', 'Runtime', 'Network', 'Log'): self.do(f'{o}.enable')

    def receive(self):
        o = json.loads(self.socket.recv())
        if 'method' in o: self.events.append((o['method'], o.get('params', {})))
        return o

    def do(self, method, **params):
        "The answer to one command"
        self.n += 1
        more = dict(sessionId=self.session) if self.session else {}
        self.socket.send(json.dumps(dict(id=self.n, method=method, params=params, **more)))
        while (o := self.receive()).get('id') != self.n: pass
        if 'error' in o: raise RuntimeError(f"{method}: {o['error']['message']}")
        return o['result']

    def value(self, code):
        "What a piece of JavaScript gives, promises awaited"
        o = self.do('Runtime.evaluate', expression=code, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in o: raise RuntimeError(json.dumps(o['exceptionDetails'])[:300])
        return o['result'].get('value')

    def open(self, url, width):
        "Go to `url` and wait until it is loaded; `events` are those of this page"
        self.do('Emulation.setDeviceMetricsOverride', width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.events.clear()
        self.do('Page.navigate', url=url)
        while not any(k == 'Page.loadEventFired' for k,_ in self.events): self.receive()
        self.value('document.fonts.ready.then(() => new Promise(o => setTimeout(o, 50)))')

    def screenshot(self, path):
        "The whole page as PNG"
        import base64
        shot = self.do('Page.captureScreenshot', captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(shot['data']))

    def close(self):
        self.socket.close()
        self.process.terminate()
        try: self.process.wait(20)
        except subprocess.TimeoutExpired: self.process.kill()


def axe_core():
    "The source of npm's axe-core, or None where it cannot be had"
    if not shutil.which('npm'): return None
    with tempfile.TemporaryDirectory() as tmp:
        got = subprocess.run(['npm', 'pack', '--silent', 'axe-core@4'], cwd=tmp, capture_output=True)
        if got.returncode: return None
        with tarfile.open(next(Path(tmp).glob('*.tgz'))) as t:
            return t.extractfile('package/axe.min.js').read().decode()


def complaints(tab, host, width):
    "What is wrong with the page that is open"
    size = 0
    for kind,o in tab.events:
        if kind == 'Runtime.exceptionThrown':
            d = o['exceptionDetails']
            yield f"script: {d.get('exception', {}).get('description', d['text']).splitlines()[0]}"
        elif kind == 'Network.requestWillBeSent':
            at = urlsplit(o['request']['url'])
            if at.scheme in ('http', 'https') and at.netloc != host: yield f'asks another host: {at.netloc}{at.path}'
        elif kind == 'Network.responseReceived' and o['response']['status'] >= 400:
            yield f"{o['response']['status']}: {urlsplit(o['response']['url']).path}"
        elif kind == 'Network.responseReceived' and o['type'] in ('Document', 'Image'):
            size += int({k.lower(): v for k,v in o['response']['headers'].items()}.get('content-length', 0))
    seen = tab.value(ASK)
    if seen['wide'] > width: yield f"is {seen['wide']} pixels wide on a screen of {width}"
    if seen['raw']: yield f"{seen['raw']} formulas are not set"
    if seen['bare']: yield f"{seen['bare']} pictures have no alt text"
    if size > LIMIT: yield f'{size/1e6:.1f} MB'


def look(folder, shots=None, axe=None, n_axe=3):
    "Complaints about all pages below `folder`; `shots` is a folder for screenshots, `axe` the source of axe-core"
    pages,bad = [o for o in sorted(folder.rglob('*.html')) if o.relative_to(folder).parts[0] not in OTHER],[]
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f'127.0.0.1:{server.server_port}'
    chosen = pages[::max(1, len(pages)//n_axe)][:n_axe]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        tab = Chromium(home)
        try:
            for page in pages:
                name = page.relative_to(folder).as_posix()
                for width in WIDTHS:
                    tab.open(f'http://{host}/{name}', width)
                    bad += [f'{name} at {width}: {o}' for o in complaints(tab, host, width)]
                    if shots: tab.screenshot(Path(shots)/f"{name.replace('/', '-')}-{width}.png")
                if axe and page in chosen:
                    tab.value(axe + ';0')
                    found = tab.value(f"axe.run(document, {{runOnly: {RULES}}}).then(r => r.violations)")
                    bad += [f"{name}: {o['id']}: {o['help']} ({len(o['nodes'])}: {o['nodes'][0]['html'][:80]})"
                            for o in found if o['impact'] in ('serious', 'critical')]
        finally:
            tab.close()
            server.shutdown()
    return list(dict.fromkeys(bad))


def main():
    given = [o for o in sys.argv[1:] if o != '--required']
    required,folder = given != sys.argv[1:],Path(given[0] if given else ROOT/'_proc'/'_book')
    if why := missing(folder): return sys.exit(why) if required else print(f'not looked at: {why}')
    axe = axe_core()
    bad = look(folder, axe=axe)
    if not axe:
        print('axe-core was not to be had from npm: accessibility not looked at')
        if required: bad.append('no axe-core')
    if bad: sys.exit('\n'.join(bad))
    print(f"{len(list(folder.rglob('*.html')))} pages looked at: nothing to complain of")


if __name__ == '__main__': main()
