from concurrent.futures import ThreadPoolExecutor

import duckdb

from queries.ledger.steps import Present, read_step


def test_two_bookings_of_one_database_can_define_the_words_at_once() -> None:
    sql = read_step("macros", Present(frozenset(), frozenset()))
    with duckdb.connect(config={"threads": 1}) as database, ThreadPoolExecutor(2) as bookers:

        def define(_: int) -> bool:
            with database.cursor() as connection:
                connection.execute(sql)
                return bool(connection.sql("select ceil_to(61, 60) = 120").fetchall()[0][0])

        assert all(bookers.map(define, range(80)))
