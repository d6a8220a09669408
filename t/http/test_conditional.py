"""If-Modified-Since, If-Unmodified-Since, If-Match, If-None-Match (RFC 9110 section 13)."""
import email.utils
import os

import pytest

OLD = 'Mon, 01 Jan 2001 00:00:00 GMT'
NEW = 'Fri, 01 Jan 2038 00:00:00 GMT'
TIME = 1_600_000_000
CONF = '''
    server { listen 127.0.0.1:%%main%%;
        location /before/ { if_modified_since before; alias html/; }
        location /page/ { error_page 412 /sorry; alias html/; }
        location /sorry { return 200 sorry; }
        location /off/ { if_modified_since off; alias html/; }
    }
'''


@pytest.fixture(scope='module')
def site(module_server):
    s = module_server(CONF, files={'html/f': 'content'})
    os.utime(s.prefix / 'html/f', (TIME, TIME))
    s.etag = f'"{TIME:x}-7"'
    s.date = email.utils.formatdate(TIME, usegmt=True)
    return s


@pytest.mark.parametrize('time, etag', [(-1, '"-1-7"'), (-2**31, '"-80000000-7"'), (0, '"0-7"'), (2**33, '"200000000-7"')])
def test_times_before_1970_and_late_ones(site, time, etag):
    """The tag is nginx's: a client may have it of another server of the same files."""
    os.utime(site.write(f'html/at{time}', 'content'), (time, time))
    assert site.get(f'/at{time}').headers['ETag'] == etag
    assert site.get(f'/at{time}', {'If-None-Match': etag}).status == 304


@pytest.mark.parametrize('name, value, status', [
    ('If-Modified-Since', '{date}', 304), ('If-Modified-Since', OLD, 200), ('If-Modified-Since', NEW, 200), ('If-Modified-Since', 'x', 200),
    ('If-Modified-Since', 'Sunday, 13-Sep-20 12:26:40 GMT', 304), ('If-Modified-Since', 'Sun Sep 13 12:26:40 2020', 304),
    ('If-Unmodified-Since', '{date}', 200), ('If-Unmodified-Since', OLD, 412), ('If-Unmodified-Since', NEW, 200),
    ('If-None-Match', '{etag}', 304), ('If-None-Match', '"x"', 200), ('If-None-Match', '*', 304), ('If-None-Match', 'W/{etag}', 304),
    ('If-None-Match', '"x", {etag}', 304), ('If-None-Match', '"x",{etag} , "y"', 304), ('If-None-Match', '{etag}x', 200),
    ('If-Match', '{etag}', 200), ('If-Match', '*', 200), ('If-Match', '"x"', 412), ('If-Match', 'W/{etag}', 412), ('If-Match', '"x", {etag}', 200),
])
def test_condition(site, name, value, status):
    r = site.get('/f', {name: value.format(etag=site.etag, date=site.date)})
    assert r.status == status
    if status == 304:
        assert r.body == b'' and r.headers['ETag'] == site.etag and r.headers['Last-Modified'] == site.date
        assert 'Content-Length' not in r.headers and 'Content-Type' not in r.headers


@pytest.mark.parametrize('headers, status', [
    ({'If-None-Match': '"x"', 'If-Modified-Since': '{date}'}, 200),
    ({'If-None-Match': '{etag}', 'If-Modified-Since': OLD}, 200),
    ({'If-None-Match': '{etag}', 'If-Modified-Since': '{date}'}, 304),
    ({'If-Match': '{etag}', 'If-None-Match': '{etag}'}, 304),
    ({'If-Match': '"x"', 'If-None-Match': '{etag}'}, 412),
])
def test_combination(site, headers, status):
    assert site.get('/f', {name: value.format(etag=site.etag, date=site.date) for name, value in headers.items()}).status == status


def test_a_page_has_no_validators_of_the_file(site):
    r = site.get('/page/f', {'If-Match': '"x"'})
    assert (r.status, r.text) == (412, 'sorry')
    assert 'ETag' not in r.headers and 'Last-Modified' not in r.headers


def test_modes(site):
    assert site.get('/before/f', {'If-Modified-Since': NEW}).status == 304
    assert site.get('/before/f', {'If-Modified-Since': OLD}).status == 200
    assert site.get('/off/f', {'If-Modified-Since': site.date}).status == 200


def test_304_keeps_the_connection(site):
    with site.connect() as c:
        assert [c.get('/f', {'If-None-Match': '*'}).status, c.get('/f').status] == [304, 200]
