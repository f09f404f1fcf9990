"""The functions that rendered SQL may call on the warehouses no real parser checks here, with where the
vendor documents each. A new function in a macro needs a line."""

SNOWFLAKE = "https://docs.snowflake.com/en/sql-reference/functions/"
REDSHIFT = "https://docs.aws.amazon.com/redshift/latest/dg/"
SPARK = "https://spark.apache.org/docs/latest/api/sql/#"

DOCUMENTED = {
    "snowflake": {
        "cast": SNOWFLAKE + "cast",
        "coalesce": SNOWFLAKE + "coalesce",
        "contains": SNOWFLAKE + "contains",
        "convert_timezone": SNOWFLAKE + "convert_timezone",
        "count": SNOWFLAKE + "count",
        "date_part": SNOWFLAKE + "date_part",
        "date_trunc": SNOWFLAKE + "date_trunc",
        "lag": SNOWFLAKE + "lag",
        "lead": SNOWFLAKE + "lead",
        "length": SNOWFLAKE + "length",
        "max": SNOWFLAKE + "max",
        "min": SNOWFLAKE + "min",
        "mod": SNOWFLAKE + "mod",
        "row_number": SNOWFLAKE + "row_number",
        "sum": SNOWFLAKE + "sum",
        "to_char": SNOWFLAKE + "to_char",
    },
    "redshift": {
        "cast": REDSHIFT + "r_CAST_function.html",
        "chr": REDSHIFT + "r_CHR.html",
        "coalesce": REDSHIFT + "r_NVL_function.html",
        "count": REDSHIFT + "r_COUNT.html",
        "datediff": REDSHIFT + "r_DATEDIFF_function.html",
        "lag": REDSHIFT + "r_WF_LAG.html",
        "lead": REDSHIFT + "r_WF_LEAD.html",
        "length": REDSHIFT + "r_LENGTH.html",
        "max": REDSHIFT + "r_MAX.html",
        "min": REDSHIFT + "r_MIN.html",
        "row_number": REDSHIFT + "r_WF_ROW_NUMBER.html",
        "sum": REDSHIFT + "r_SUM.html",
        "to_char": REDSHIFT + "r_TO_CHAR.html",
    },
    "spark": {
        "cast": SPARK + "cast",
        "char": SPARK + "char",
        "coalesce": SPARK + "coalesce",
        "count": SPARK + "count",
        "date_format": SPARK + "date_format",
        "instr": SPARK + "instr",
        "lag": SPARK + "lag",
        "lead": SPARK + "lead",
        "length": SPARK + "length",
        "max": SPARK + "max",
        "min": SPARK + "min",
        "row_number": SPARK + "row_number",
        "sum": SPARK + "sum",
        "unix_micros": SPARK + "unix_micros",
    },
}
