use super::*;
use arrow::array::{Int64Array, StringArray};
use tracklet_display::error::Hint;

fn answers(expression: &str) -> Vec<Option<bool>> {
    let filter = Filter::parse(expression).expect("it parses");
    let columns: Vec<ArrayRef> = filter
        .columns()
        .iter()
        .map(|name| match name.as_str() {
            "n" => Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef,
            "absent" => arrow::array::new_null_array(&DataType::Null, 3),
            _ => Arc::new(StringArray::from(vec![Some("a"), None, Some("3")])),
        })
        .collect();
    let types: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
    let bound = filter.bind(&types).expect("it fits");
    bound.evaluate(&columns, 3).expect("an answer").iter().collect()
}

#[test]
fn expressions() {
    assert_eq!(answers("N > 2"), [Some(false), None, Some(true)]);
    assert_eq!(answers("s <> 'a' or s is null"), [Some(false), Some(true), Some(true)]);
    assert_eq!(answers("absent = 'x'"), [None, None, None]);
    assert_eq!(answers("absent > 5 or lower(absent) like 'a%'"), [None, None, None]);
    assert_eq!(answers("absent is null"), [Some(true); 3]);
    assert_eq!(answers("true"), [Some(true); 3]);
    assert_eq!(answers("null"), [None; 3]);
    assert_eq!(answers("try_cast(s as double) = 3"), [None, None, Some(true)]);
    assert_eq!(answers("context.traits.email not like '%3'"), [Some(true), None, Some(false)]);
}

#[test]
fn names() {
    let filter =
        Filter::parse("Context.IP = '1' and \"User Agent\" is null and Lower(ip) = ip").expect("valid");
    assert_eq!(filter.columns(), ["context.ip", "User Agent", "ip"]);
}

#[test]
fn errors() {
    assert!(matches!(Filter::parse("a ="), Err(ExpressionError::Expression(_))));
    assert!(matches!(Filter::parse("n in (select 1)"), Err(ExpressionError::OfManyRows(_))));
    assert!(matches!(Filter::parse("a = 1; drop table x"), Err(ExpressionError::Expression(_))));
    for wrong in ["now() > n", "n + 1", "no_such_function(n)", "count(n) > 1"] {
        let filter = Filter::parse(wrong).expect("it parses");
        assert!(filter.bind(&[DataType::Int64]).is_err(), "{wrong}");
    }
}

/// Every function that the documentation lists, on texts as JSON and CSV have them, on what Parquet may have, and without a
/// column. The columns are a text, a number, a time and a truth; one row, for which the expression holds.
#[test]
fn every_documented_function_works_on_every_format() {
    const TRUE: &[&str] = &[
        "s = 'Shoes' and s <> 'x' and not (s < 'A') and s >= 'S' and s <= 'T' and s > 'A'",
        "n between 1 and 20 and n in (12, 13) and n is not null and n is distinct from 3",
        "s like 'Sh%' and s ilike 'sh%' and s not like '%x'",
        "regexp_like(s, '^Sh') and s ~ 'oe' and s ~* 'SHOES' and s !~ 'x' and regexp_replace(s, 'S', 'b') = 'bhoes'",
        "lower(s) = 'shoes' and upper(s) = 'SHOES' and trim(s) = 'Shoes' and ltrim(s) = rtrim(s)",
        "length(s) = 5 and substr(s, 1, 2) = 'Sh' and left(s, 1) = 'S' and right(s, 1) = 's'",
        "replace(s, 'S', 'b') = 'bhoes' and split_part(s, 'o', 1) = 'Sh' and strpos(s, 'o') = 3",
        "starts_with(s, 'Sh') and ends_with(s, 'es') and concat(s, '!') = 'Shoes!' and s || '!' = 'Shoes!'",
        "reverse(s) = 'seohS' and lpad(s, 6, 'x') = 'xShoes' and rpad(s, 6, 'x') = 'Shoesx'",
        "n + 1 = 13 and n - 1 = 11 and n * 2 = 24 and n / 2 = 6 and n % 5 = 2 and n > 9 and 9 < n",
        "date_part('hour', t) = 10 and extract(year from t) = 2026",
        "date_trunc('day', to_timestamp(t)) = timestamp '2026-01-04 00:00:00'",
        "to_date(t) = date '2026-01-04' and to_timestamp(t) > timestamp '2026-01-04 00:00:00'",
        "to_timestamp(t) + interval '1 day' > timestamp '2026-01-05 00:00:00'",
        "coalesce(s, 'x') = 'Shoes' and nullif(s, 'x') = 'Shoes' and ifnull(s, 'x') = 'Shoes' and nvl(s, 'x') = s",
        "nvl2(s, 'a', 'b') = 'a' and greatest(s, 'A') = 'Shoes' and least(s, 'Z') = 'Shoes'",
        "case when s = 'Shoes' then true else false end and case s when 'Shoes' then 1 else 2 end = 1",
        "try_cast(n as double) = 12 and cast(n as bigint) = 12 and t::date = date '2026-01-04'",
        "b = true and b and not (b = false) and coalesce(b = true, false)",
    ];
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let texts = [text("Shoes"), text("12"), text("2026-01-04T10:00:00Z"), text("true")];
    let as_types = |types: [DataType; 4]| -> Vec<ArrayRef> {
        texts.iter().zip(types).map(|(column, own)| cast(column, &own).expect("a cast")).collect()
    };
    let keys = Box::new(DataType::Int32);
    let formats = [
        texts.to_vec(),
        as_types([DataType::LargeUtf8, DataType::Int64, utc(), DataType::Boolean]),
        as_types([DataType::Utf8View, DataType::Float64, utc(), DataType::Boolean]),
        as_types([
            DataType::Dictionary(keys, Box::new(DataType::Utf8)),
            DataType::Decimal128(20, 2),
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            DataType::Boolean,
        ]),
        vec![arrow::array::new_null_array(&DataType::Null, 1); 4],
    ];
    let mut wrong = Vec::new();
    for expression in TRUE {
        if let Err(error) = well_formed(expression) {
            wrong.push(format!("{expression}: {error}"));
        }
        let filter = Filter::parse(expression).expect("it parses");
        for (number, format) in formats.iter().enumerate() {
            let place =
                |name: &String| ["s", "n", "t", "b"].iter().position(|known| known == name).expect("one");
            let columns: Vec<ArrayRef> =
                filter.columns().iter().map(|name| ArrayRef::clone(&format[place(name)])).collect();
            let types: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
            let answer = filter.bind(&types).and_then(|bound| bound.evaluate(&columns, 1));
            match answer {
                Ok(answer) if number == formats.len() - 1 || answer.true_count() == 1 => {}
                Ok(answer) => wrong.push(format!("{expression} on {types:?}: {answer:?}")),
                Err(error) => wrong.push(format!("{expression} on {types:?}: {error:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The rows of which an expression holds, on texts as CSV and JSON have them, and on what Parquet has.
#[track_caller]
fn check_rows(expression: &str, expected: [Option<bool>; 5]) {
    let text = |values: [Option<&str>; 5]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let number = text([Some("10"), Some("0"), Some("2.5"), None, Some("7")]);
    let time =
        text([Some("2026-01-04T10:00:00Z"), Some("2026-01-04 13:00:00"), None, Some("2026-01-05"), None]);
    let truth = text([Some("true"), Some("false"), None, Some("true"), Some("false")]);
    let name = text([Some("Ann"), Some("2026-01-04"), Some("5"), None, Some("")]);
    let as_stored =
        [cast(&number, &DataType::Float64), cast(&time, &utc()), cast(&truth, &DataType::Boolean)];
    let [typed_number, typed_time, typed_truth] = as_stored.map(Result::unwrap);
    let filter = Filter::parse(expression).expect("it parses");
    for columns in [[number, time, truth, name.clone()], [typed_number, typed_time, typed_truth, name]] {
        let place =
            |column: &String| ["n", "t", "b", "s"].iter().position(|known| known == column).expect("one");
        let of_filter: Vec<ArrayRef> =
            filter.columns().iter().map(|column| Arc::clone(&columns[place(column)])).collect();
        let types: Vec<DataType> = of_filter.iter().map(|column| column.data_type().clone()).collect();
        let bound =
            filter.bind(&types).unwrap_or_else(|error| panic!("{expression} on {types:?}: {error:?}"));
        let answer = bound.evaluate(&of_filter, 5);
        let answer = answer.unwrap_or_else(|error| panic!("{expression} on {types:?}: {error:?}"));
        assert_eq!(answer.iter().collect::<Vec<_>>(), expected, "{expression} on {types:?}");
    }
    assert!(well_formed(expression).is_ok(), "{expression}: {:?}", well_formed(expression));
}

// `coalesce(price, 0) > 2` read prices as whole numbers on CSV and JSON: 2.5 became null, and its row was dropped.
#[test]
fn a_text_compared_with_any_number_is_read_with_its_fraction() {
    let (yes, no) = (Some(true), Some(false));
    check_rows("coalesce(n, 0) > 2", [yes, no, yes, no, yes]);
    check_rows("greatest(n, 2) = 2.5", [no, no, yes, no, no]);
    check_rows("least(n, 3) = 2.5", [no, no, yes, no, no]);
    check_rows("nullif(n, 10) is null", [yes, no, no, yes, no]);
    check_rows("n in (2.5, 10)", [yes, no, yes, None, no]);
    check_rows("n > 2", [yes, no, yes, None, yes]);
}

#[test]
fn texts_that_are_truths_are_read_as_such() {
    let (yes, no) = (Some(true), Some(false));
    check_rows("b", [yes, no, None, yes, no]);
    check_rows("not b", [no, yes, None, no, yes]);
    check_rows("b in (true)", [yes, no, None, yes, no]);
    check_rows("coalesce(b, false) = true", [yes, no, no, yes, no]);
    check_rows("nullif(b, true) is null", [yes, no, yes, yes, no]);
    check_rows("b is true", [yes, no, no, yes, no]);
    check_rows("b is not true", [no, yes, yes, no, yes]);
}

// One value that could not be read ended the run, though the documentation says that it is null.
#[test]
fn a_value_that_can_not_be_taken_ends_no_run() {
    let (yes, no) = (Some(true), Some(false));
    check_rows("to_timestamp(s) is null", [yes, no, yes, yes, yes]);
    check_rows("to_date(s) = date '2026-01-04'", [None, yes, None, None, None]);
    check_rows("t + interval '1 hour' > timestamp '2026-01-04T12:00:00Z'", [no, yes, None, yes, None]);
    // A double that is divided by zero is infinite.
    check_rows("10 / n > 1", [no, yes, yes, None, yes]);
    assert_eq!(answers("10 % (n - 1) = 0"), [None, None, yes]);
}

#[test]
fn what_no_row_can_have_is_an_error_in_plain_words() {
    let message = |expression: &str| well_formed(expression).expect_err("it is wrong").to_string();
    assert_eq!(message("count(*) > 1"), "`count` looks at several rows, and a filter at each by itself");
    assert!(message("a in (select 1)").starts_with("a query in the expression looks at several rows"));
    assert!(message("date_part('foo', t) = 1").contains("foo"), "{}", message("date_part('foo', t) = 1"));
    assert!(!message("a = = 'b'").contains("ParserError"), "{}", message("a = = 'b'"));
}

#[test]
fn the_documented_example_keeps_what_it_says() {
    let example = "context_ip <> '10.0.0.1' and coalesce(channel, '') <> 'server'";
    let filter = Filter::parse(example).expect("it parses");
    let ips = StringArray::from(vec!["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    let channels = StringArray::from(vec![Some("web"), Some("server"), None]);
    let columns: [ArrayRef; 2] = [Arc::new(ips), Arc::new(channels)];
    let bound = filter.bind(&[DataType::Utf8, DataType::Utf8]).expect("it fits");
    let answer = bound.evaluate(&columns, 3).expect("an answer");
    assert_eq!(answer.iter().collect::<Vec<_>>(), [Some(false), Some(false), Some(true)]);
}

#[test]
fn what_can_not_be_read_is_null() {
    assert_eq!(answers("cast(s as bigint) = 3"), [None, None, Some(true)]);
    assert_eq!(answers("s > 2"), [None, None, Some(true)]);
    assert_eq!(answers("s::date > date '2026-01-01'"), [None; 3]);
}

/// The greatest expressions that are taken are evaluated on a thread as a reader has it; greater ones ended the process.
#[test]
fn size_has_a_limit_that_the_stack_holds() {
    let chain = |terms: usize| vec!["s <> 'x'"; terms].join(" or ");
    let nested = |depth: usize| format!("{}s = 'a'{}", "not (".repeat(depth), ")".repeat(depth));
    let cases = |depth: usize| {
        format!("{}true{}", "case when s = 'a' then ".repeat(depth), " else false end".repeat(depth))
    };
    for good in [chain(190), nested(90), cases(150)] {
        std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || answers(&good))
            .unwrap()
            .join()
            .unwrap();
    }
    let many = format!("s in ({})", vec!["'x'"; 50_000].join(", "));
    assert_eq!(answers(&many), [Some(false), None, Some(false)]);
    for large in [chain(700), nested(700), cases(700), chain(100_000), nested(100_000), "-".repeat(100_000)] {
        let error = Filter::parse(&large).map(|_| ()).expect_err("too large");
        let expected = matches!(error, ExpressionError::TooLarge);
        assert!(expected || large.starts_with('-'), "{error:?}");
        assert!(tracklet_display::error::Hint::hint(&error).is_some());
    }
}

#[test]
fn the_parser_knows_every_dialect() {
    for dialect in Dialect::ALL {
        assert!(parser_of(dialect).is_some(), "{}", dialect.parser());
        assert!(SqlRowFilters.is_sql_of(dialect, "event = 'a' and not user_id is null"));
        assert!(!SqlRowFilters.is_sql_of(dialect, "event = = 'a'"));
    }
}

// The parser's words about `.0` helped nobody.
#[test]
fn the_error_of_a_path_into_a_list_says_how_it_is_written() {
    for (expression, path, quoted) in [
        ("contexts.session.0.userId = 'u.1.x'", "contexts.session.0.userId", "contexts.session.0.userId"),
        (
            "a = 1 and contexts.session[0].userId is not null",
            "contexts.session[0].userId",
            "contexts.session.0.userId",
        ),
    ] {
        let error = Filter::parse(expression)
            .and_then(|filter| filter.planned(&[const { DataType::Utf8 }; 2]).map(drop));
        let error = error.expect_err("it is no SQL");
        assert!(error.to_string().starts_with(&format!("`{path}` is a path into a list")), "{error}");
        assert!(error.hint().unwrap().contains(&format!("\"{quoted}\"")), "{:?}", error.hint());
        let name = format!("\"{quoted}\" = 'u'");
        assert_eq!(Filter::parse(&name).unwrap().columns, [quoted]);
    }
    for plain in ["price > 1.5", "a.b = '0.1.2'", "\"x.0\" = 'y'", "a1.b2 = 3"] {
        assert_eq!(path_into_list(plain), None, "{plain}");
    }
}
