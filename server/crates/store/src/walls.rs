//! Whose rows are meant. Row-level security stands behind what is said here.

/// `of_environment!(fn name, table)` makes a function that filters a table's rows to those of one environment, for a module
/// that has the table and the ids in scope. The queries' types are long, so it is one text and not one function.
macro_rules! of_environment {
    (fn $name:ident, $table:ident) => {
        fn $name(
            scope: Scope,
        ) -> diesel::dsl::And<
            diesel::dsl::Eq<$table::tenant_id, TenantId>,
            diesel::dsl::Eq<$table::environment_id, EnvironmentId>,
        > {
            $table::tenant_id.eq(scope.tenant).and($table::environment_id.eq(scope.environment))
        }
    };
}

pub(crate) use of_environment;
